"""Whether its platform signed a launch, for us, now, and for this browser: the LTI library says so; used only here."""

from typing import Any, cast

from dashboard_protocol.errors import LaunchRefused, PlatformsRefused
from dashboard_protocol.lti.browser_state import Begun
from dashboard_protocol.lti.claims import Token
from dashboard_protocol.lti.platform_keys import PublicKey
from dashboard_protocol.lti.platforms import Platform

MISSING = "Launches by LTI need a package that is not installed: pip install 'classpulse[lti]'"


def check_installed() -> None:
    """See that launches can be verified at all.

    Raises:
        PlatformsRefused: The library is not installed.
    """
    try:
        import pylti1p3.message_launch  # noqa: F401
    except ImportError as error:
        raise PlatformsRefused(MISSING) from error


def validate(id_token: str, token: Token, platform: Platform, key: PublicKey, begun: Begun) -> None:
    """See that a token is signed by its platform, of a registered deployment, unexpired, and answers what was begun.

    Args:
        id_token: as it came.
        token: the same, taken apart: of the right form.
        platform: whose it says it is.
        key: of the platform, by the name in the token.
        begun: by this browser, as its cookie says.

    Raises:
        LaunchRefused: It is not; the text says what.
    """
    import jwt
    from jwcrypto.common import JWException
    from pylti1p3.exception import LtiException, OIDCException, ToolConfException
    from pylti1p3.message_launch import MessageLaunch
    from pylti1p3.tool_config.dict import ToolConfDict

    if (token.claims.iss, token.claims.client_id) != (begun.issuer, begun.client_id):
        raise LaunchRefused("The token is of another platform, or for another client, than the launch that was begun")
    # The library verifies the age where there is one to verify: `claims` has seen that there is.
    known = ToolConfDict({platform.issuer: cast(Any, _registration(platform, key))})
    memory = cast(Any, _Memory(begun, id_token))
    library: Any = MessageLaunch  # abstract: it leaves to a web framework how a field is read
    launch = library(memory, known, session_service=memory, cookie_service=memory)
    launch._get_request_param = memory.get_param
    launch.set_jwt_verify_options({"verify_aud": False, "require": ["exp", "iat"]})  # the audience is checked before
    try:
        launch.validate()
    except (LtiException, OIDCException, ToolConfException, JWException, jwt.PyJWTError, ValueError) as error:
        raise LaunchRefused(str(error)[:300] or type(error).__name__) from error


def _registration(platform: Platform, key: PublicKey) -> dict[str, object]:
    return {
        "client_id": platform.client_id,
        "auth_login_url": platform.auth_url,
        "auth_token_url": platform.token_url or "",
        "key_set": {"keys": [key.model_dump()]},
        "deployment_ids": list(platform.deployment_ids),
    }


class _Memory:
    """What the library asks of a request, of its cookies and of a session: all of it stands in our own cookie."""

    def __init__(self, begun: Begun, id_token: str) -> None:
        self._begun = begun
        self._fields = {"state": begun.state, "id_token": id_token}

    def get_param(self, name: str) -> str:
        return self._fields.get(name, "")

    def is_secure(self) -> bool:
        return True

    def get_cookie(self, name: str) -> str | None:
        return self._begun.state if name == self._begun.state else None

    def check_nonce(self, nonce: str) -> bool:
        return nonce == self._begun.nonce

    def check_state_is_valid(self, state: str, id_token_hash: str) -> bool:
        return False  # it is the cookie that says so, for every launch anew

    def save_launch_data(self, launch_id: str, claims: object) -> None:
        """Nothing of a person is kept."""

    def set_state_valid(self, state: str, id_token_hash: str) -> None:
        """A launch counts once."""
