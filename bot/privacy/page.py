"""How the privacy page of a room looks; it needs no script."""

from urllib.parse import quote

from bot.rooms.notice import Notice, visible_name
from dashboard_protocol.view.markup import element, fill, join

_CONSENT = """  <section class="panel" aria-labelledby="in">
    <h2 id="in">To be shown under your name</h2>
    <form method="post" action="{path}/consent">
      <label for="token">The consent you were given, once you are in the meeting</label>
      <input id="token" name="token" maxlength="2000" autocomplete="off" spellcheck="false" required>
      <div class="buttons"><button>Show my own values</button></div>
    </form>
  </section>
"""
THIS_PAGE = "privacy page of this room"
"""As the policies' own words have it (`bot.disclosure.policy`), which the join page looks for too."""
_SHARES = (
    "You may see what your teacher sees: once you are in the room, the page on which you joined leads there. It shows "
    "the class and nobody in it."
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Privacy · {title} · classpulse</title>
<link rel="stylesheet" href="/privacy-assets/page.css">
</head>
<body>
<main>
  <h1>Privacy in {title}</h1>
  <section class="panel" aria-labelledby="who">
    <h2 id="who">Who reads faces here</h2>
    <p class="bot"><strong>{bot}</strong></p>
    <p>{summary}</p>
    <dl>{points}</dl>
    {shares}
    <p class="note">Pictures stay in memory and are never written or sent on. A displayed expression is what a face
    shows, nothing more. Not for grading or discipline.</p>
  </section>
  <section class="panel" aria-labelledby="out">
    <h2 id="out">Not to be read</h2>
    <form method="post" action="{path}">
      <label for="name">Your name, as the meeting shows it</label>
      <input id="name" name="name" maxlength="5000" autocomplete="name" required>
      <div class="buttons"><button class="primary">Do not read my face</button></div>
    </form>
    <p id="status" role="status">{done}</p>
    <p id="trouble" role="alert">{trouble}</p>
    <p class="note">It holds for this meeting, and for everybody who bears the name, in a second tab too: two people of
    one name cannot be distinguished. You can also add #optout to your name, or tick
    the box on the join page. You stay in the meeting and are counted as present. To be read again, untick that box
    or write #optin in the chat while you are in the meeting: nobody else can do it for you.</p>
    <p class="note"><strong>Where somebody shares a window of another meeting with the bot</strong>, such as a gallery
    of Zoom, Meet or Teams, the bot knows nobody in it by name, so this form does not reach you there. Ask whoever
    shares it, at any time and without a reason: one click on their page leaves you out, neither read nor counted, for
    the rest of the meeting. Where a program shares it in place of the page, they cut you out of the picture or stop
    sharing. Nobody whose camera is off is read.</p>
  </section>
{consent}</main>
</body>
</html>
"""


def _linked(text: str, path: str) -> str:
    """Lead to the form below where the policy's words name this page."""
    before, named, after = text.partition(THIS_PAGE)
    return join(before, element("a", named, href=f"{path}#out") if named else None, after)


def privacy_page(room: str, notice: Notice, *, done: str = "", trouble: str = "") -> str:
    """Draw the page.

    Args:
        room: The room's name.
        notice: What the people in it may know.
        done: What was just done.
        trouble: Why it was not.
    """
    path = f"/privacy/{quote(room, safe='')}"
    points = [join(element("dt", heading), element("dd", _linked(text, path))) for heading, text in notice.points]
    page = fill(
        _PAGE,
        path=path,
        title=notice.title or room,
        bot=visible_name(notice.bot_name),
        summary=notice.summary,
        points=join(*points),
        shares=element("p", _SHARES) if notice.shares_class else None,
        done=done,
        trouble=trouble,
        consent=fill(_CONSENT, path=path) if notice.offers_individual else None,
    )
    return str(page)
