"""What may be computed, and what is said about it. Pure; `bot.disclosure.gate` lets values through accordingly."""

from dataclasses import dataclass

from bot.classroom.change_detection import AlertParameters
from bot.engagement import LEVEL_NAMES, EngagementMeter, EngagementParameters, Meter, PresenceMeter
from bot.errors import SettingsRefused
from dashboard_protocol import events
from dashboard_protocol.events import Profile
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.view.sentences import say

MIN_K = 3
MIN_ROUNDING_POINTS = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """A profile with its numbers."""

    profile: Profile
    k: int = 5
    """Fewest people for class values and for counts of their faces, never below 3."""
    rounding_points: int = 5
    """Step of all class values in hundredths, never below 5; beside it sums are rounded to half a person."""
    freeze_s: float = 10.0
    """For how long a change of the set of people holds still what is said of them."""
    steady_s: float = 5.0
    """For how long a class value must have stayed beyond the border of what is published before that changes."""
    spread_freeze_s: float = 30.0
    """The same for quartiles and level shares, which say more about one person."""
    shares_from: int = 10
    """Fewest people for quartiles and level shares."""

    def __post_init__(self) -> None:
        """Raise SettingsRefused for numbers that protect nobody."""
        if self.k < MIN_K:
            raise SettingsRefused(
                f"k is {self.k}: class values need at least {MIN_K} analysed people, choose {MIN_K} or more"
            )
        if not MIN_ROUNDING_POINTS <= self.rounding_points <= 50:
            raise SettingsRefused(f"rounding to {self.rounding_points} points: choose {MIN_ROUNDING_POINTS} to 50")

    @property
    def reads_expressions(self) -> bool:
        """Whether the expression network may be loaded at all."""
        return self.profile is not Profile.PRESENCE

    @property
    def names_people(self) -> bool:
        """Whether events about people who opted in may leave the bot."""
        return self.profile is Profile.INDIVIDUAL

    def meter(self, parameters: EngagementParameters) -> Meter:
        """Make the meter of a newcomer: one that computes no more than the profile allows."""
        return EngagementMeter(parameters) if self.reads_expressions else PresenceMeter(parameters)

    def face_widths_px(self, parameters: EngagementParameters) -> tuple[float, float]:
        """Say how wide faces should be for all that the profile computes, and how wide they must be under pressure."""
        if not self.reads_expressions:
            return parameters.min_pose_px, parameters.min_pose_px
        return parameters.min_gaze_px, parameters.min_expression_px

    def meaning(self, parameters: EngagementParameters) -> events.PolicyMeaning:
        """Say it in words and numbers, for `hello`: in English, which readers say in their own language."""
        values = {"k": self.k, "window": parameters.window_s, "points": self.rounding_points}
        with speaking(Language.EN):
            computed, leaves, never = (
                say(f"policy.{row}.{self.profile.value}", **values) for row in ("computed", "leaves", "never")
            )
            opting_out = say("policy.opting_out", page=say("policy.privacy_page"))
        return events.PolicyMeaning(
            profile=self.profile,
            computed=computed,
            leaves=leaves,
            never=never,
            opting_out=opting_out,
            k=self.k,
            rounding_points=self.rounding_points,
            window_s=parameters.window_s,
            freeze_s=self.freeze_s,
        )

    def alerts(self, parameters: AlertParameters) -> events.AlertParameters | None:
        """Give the alert parameters for `hello`; None under `presence`, which has no alerts."""
        if not self.reads_expressions:
            return None
        return events.AlertParameters(
            min_people=parameters.min_people,
            warm_up_s=parameters.warm_up_s,
            block_s=parameters.block_s,
            reference_s=parameters.reference_s,
            slack=parameters.slack,
            limit=parameters.limit,
            min_move=parameters.min_move,
            silence_s=parameters.silence_s,
            reset_share=parameters.reset_share,
        )


def levels(parameters: EngagementParameters) -> tuple[events.Level, ...]:
    """Give the four levels, lowest first, for `hello`."""
    return tuple(
        events.Level.model_validate({"name": level.name, "means": level.means, "from": start})
        for level, start in zip(LEVEL_NAMES, (0.0, *parameters.cuts), strict=True)
    )


def learned_model(parameters: EngagementParameters) -> events.LearnedModel | None:
    """Name the learned head that is shown beside the index, and what it learnt from, for `hello`; None without one."""
    head = parameters.head
    if head is None:
        return None
    return events.LearnedModel(name=head.name, trained_on=head.trained_on, clips=head.clips, people=head.people)
