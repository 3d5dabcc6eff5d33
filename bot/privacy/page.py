"""How the privacy page of a room looks; it needs no script."""

from urllib.parse import quote

from bot.rooms.notice import Notice, points_of, summary_of, visible_name
from dashboard_protocol.language import spoken
from dashboard_protocol.view.markup import element, fill, join
from dashboard_protocol.view.pages import in_markup, language_links
from dashboard_protocol.view.sentences import say

_CONSENT = """  <section class="panel" aria-labelledby="in">
    <h2 id="in">{heading}</h2>
    <form method="post" action="{path}/consent?lang={language}">
      <label for="token">{label}</label>
      <input id="token" name="token" maxlength="2000" autocomplete="off" spellcheck="false" required>
      <div class="buttons"><button>{button}</button></div>
    </form>
  </section>
"""
_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{page_title}</title>
<link rel="stylesheet" href="/privacy-assets/page.css">
</head>
<body>
<main>
  <h1>{heading}</h1>
  <section class="panel" aria-labelledby="who">
    <h2 id="who">{who}</h2>
    <p class="bot"><strong><bdi>{bot}</bdi></strong></p>
    <p>{summary}</p>
    <dl>{points}</dl>
    {shares}
    <p class="note">{pictures} {limits} {use}</p>
    <p class="note translated">{translated}</p>
  </section>
  <section class="panel" aria-labelledby="out">
    <h2 id="out">{out}</h2>
    <form method="post" action="{path}?lang={language}">
      <label for="name">{name}</label>
      <input id="name" name="name" maxlength="5000" autocomplete="name" required>
      <div class="buttons"><button class="primary">{do_not_read}</button></div>
    </form>
    <p id="status" role="status">{done}</p>
    <p id="trouble" role="alert">{trouble}</p>
    <p class="note">{holds}</p>
    <p class="note">{window}</p>
  </section>
{consent}  <nav class="languages" aria-label="{choose}">{languages}</nav>
</main>
</body>
</html>
"""


def _linked(text: str, path: str) -> str:
    """Lead to the form below where the policy's words name this page."""
    before, named, after = text.partition(say("policy.privacy_page"))
    return join(before, element("a", named, href=f"{path}#out") if named else None, after)


def _window() -> str:
    return in_markup("privacy.window", lead=element("strong", say("privacy.window_lead")))


def privacy_page(room: str, notice: Notice, *, done: str = "", trouble: str = "") -> str:
    """Draw the page.

    Args:
        room: The room's name.
        notice: What the people in it may know.
        done: What was just done.
        trouble: Why it was not.
    """
    path, title = f"/privacy/{quote(room, safe='')}", notice.title or room
    points = [join(element("dt", heading), element("dd", _linked(text, path))) for heading, text in points_of(notice)]
    page = fill(
        _PAGE,
        language=spoken().value,
        direction=say("direction"),
        path=path,
        page_title=say("privacy.page_title", title=title),
        heading=say("privacy.title", title=title),
        who=say("privacy.who"),
        bot=visible_name(notice.bot_name),
        summary=summary_of(notice),
        points=join(*points),
        shares=element("p", say("privacy.shares")) if notice.shares_class else None,
        pictures=say("privacy.pictures"),
        limits=say("limits.expressions"),
        use=say("limits.use"),
        translated=say("notice.translated"),
        out=say("privacy.out"),
        name=say("privacy.name"),
        do_not_read=say("privacy.do_not_read"),
        done=done,
        trouble=trouble,
        holds=say("privacy.holds"),
        window=_window(),
        consent=_consent(path) if notice.offers_individual else None,
        choose=say("choose_language"),
        languages=language_links(),
    )
    return str(page)


def _consent(path: str) -> str:
    return fill(
        _CONSENT,
        language=spoken().value,
        path=path,
        heading=say("privacy.in"),
        label=say("privacy.consent"),
        button=say("privacy.show_me"),
    )
