"""What people and machines outside may send: one table, used by the tests of every edge that takes such a thing.

An edge is done when every row passes through it: taken for what it means, or refused by an error of our own.
"""

import math
import struct
import zlib
from collections.abc import Callable

import numpy as np

from tests import h264

# -- names and texts of people ---------------------------------------------------------------------------------------

OPT_OUT_SPELLINGS = (
    "#optout",
    "#OptOut",
    "#OPTOUT",
    "＃ｏｐｔｏｕｔ",  # full width, as Japanese keyboards type it
    "﹟optout",  # small number sign
    "#\ufe0f\u20e3optout",  # the keycap that phones offer
    "#o\u20ddptout",  # an enclosing circle
    "ⓞⓟⓣ".join(("#", "out")),
    "#𝐨𝐩𝐭𝐨𝐮𝐭",  # mathematical letters
    "#op\u200bt\u200bout",  # zero-width spaces
    "#o\u200dpt\u200cout",  # joiners
    "\u2068#optout\u2069",  # isolates around it
    "#op\u2066tout\u2069",  # and within
    "#opt\u200fout",  # right-to-left mark
    "\u202e#opt\u202cout",  # an override
    "#opt\u00adout",  # soft hyphen
    "#opt\ufeffout",  # byte order mark
    "#op\u2060tout",  # word joiner
    "#opt\u034fout",  # grapheme joiner
    "#opto\ufe0fut",  # variation selector
    "#opto\U000e0100ut",  # another
    "#opt\u3164out",  # Hangul filler
    "#opt\u2800out",  # empty Braille pattern
    "#o\u0336p\u0336t\u0336o\u0336u\u0336t\u0336",  # struck through
    "#öptoüt",
    "#optöut",
    "#o\u0308ptout",
    "#opt\x00out",
    "#opt\tout",
    "#opt-out",  # as spelling checkers would have it
    "#opt out",
    "#Opt_Out",
    "# optout",
    "#opt\u2011out",  # no-break hyphen
    "#opt\u00a0out",  # no-break space
)
"""The word by which people opt out, as keyboards, phones and clients write it: each is heard on every way in."""

NOT_OPT_OUT = (
    "",
    "optout",
    "#optin",
    "#opt",
    "#out",
    "opt-out",
    "hello",
    "#op#tout",
    "#0ptout",
    "# opt",
    "\u200b",
    "#" * 60,
)
"""Texts that ask for nothing of the kind."""

OPT_IN_SPELLINGS = (
    "#optin",
    " #OptIn\n",
    "＃ｏｐｔｉｎ",
    "#\ufe0f\u20e3optin",
    "#opt\u200bin",
    "#opt-in",
    "#OPT IN",
    "#OPTİN",
)
"""The word by which a person comes back in, alone in a message of their own."""

NOT_OPT_IN = (
    "", "#optout", "optin", "#optin?", "what does #optin do", "#optin #optout", "#optout #optin", "> #optin",
    "#optin #optin",
    "To be read again, write #optin and nothing else.",
)  # fmt: skip
"""Texts by which nobody comes back in: they quote or ask, or ask for the opposite as well."""

OPT_OUT_MESSAGES = (
    "#optout",
    '{"text": "#optout"}',
    '{"type": "chat", "from": {"name": "Eve"}, "payload": [{"said": "please #opt-out!"}]}',
    '{"text": "\\uff03optout", "id": 7}',  # as clients that write ASCII send the full-width sign
    '{"text": "#opt\\u200bout"}',
    '{"text": "#\\ud835\\udc5e\\ud835\\udc5c #\\ud835\\udc5c\\ud835\\udc5dtout"}',  # letters of two halves
    '{"text": "#optin", "message": "#optout"}',
    '{"text": "\\ud800#optout',  # half a letter, and cut short
    "see above " * 5000 + "#optout",
    "#opt" * 5000 + "#optout",
    "#" + "\u200b" * 5000 + "optout",
)
"""Messages of chat clients by which people opt out, however they are wrapped and however long they are."""

OPT_IN_MESSAGES = (
    '"#optin"',
    '{"text": "#optin"}',
    '{"message": " #OptIn ", "from": "Eve #optout", "at": 7}',
    '{"textroom": "message", "room": 1234, "text": "\\uff03optin"}',
    '{"msg": "#opt\\u200bin"}',
)
"""Messages of chat clients by which a person comes back in: the word is all that they wrote themselves."""

NOT_OPT_IN_MESSAGES = (
    '{"quote": "#optin"}',
    '{"text": "thanks", "quote": "#optin"}',
    '{"text": "#optin", "message": "what does it do?"}',
    '{"text": {"text": "#optin"}}',
    '{"text": ["#optin"]}',
    '["#optin"]',
    '{"text": "#optin"',
    "[" * 900,
    "null",
    '{"text": "#optin' + " " * 1000 + '"}',
)
"""Messages of chat clients by which nobody comes back in: it is not certain that the person wrote the word alone."""

ONE_NAME = (
    ("Anna Öztürk", "anna öztürk"),
    ("Anna Öztürk", "ANNA ÖZTÜRK"),
    ("Anna Öztürk", "Anna O\u0308ztu\u0308rk"),
    ("Anna Öztürk", "  Anna \t Öztürk\n"),
    ("Anna Öztürk", "Ａｎｎａ　Öｚｔüｒｋ"),
    ("Anna Öztürk", "\u2068Anna\u2069 Öztürk\u200f"),
    ("Anna Öztürk", "An\u00adna Öz\u200btürk"),
    ("Anna Öztürk", "Anna\u00a0Öztürk"),
    ("Anna Öztürk", "Anna Ö\ufe0fztürk"),
    ("Anna Öztürk", "An\u3164na Öztürk"),
    ("Weiß", "WEISS"),
    ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
    ("ﬁona", "Fiona"),
    ("ガブリエル", "ｶﾞﾌﾞﾘｴﾙ"),
    ("👩\u200d🏫 Eve", "👩🏫 eve"),
    ("می\u200cخواهم", "میخواهم"),
    ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    (
        "Maria de los Ángeles García-Hernández y Fernández de la Vega Sanz " * 2,
        "maria de los ángeles garcía-hernández y fernández de la vega sanz " * 2,
    ),
    ("x" * 500, "X" * 60),
    ("x" * 60, "x" * 57),
    ("ß" * 80, "ẞ" * 80),
)
"""Pairs of which both are one person's name: with their opt-out by one of them nobody of the other is read."""

OTHER_NAMES = (
    ("Anna", "Anne"),
    ("Anna", "Anna B."),
    ("José", "Jose"),
    ("कि", "की"),
    ("Anna", "#optout"),
    ("x" * 47, "x" * 46),
)
"""Pairs of two people's names: the opt-out of one leaves the other as they are."""

CLAIMS_TO_BE_A_BOT = (
    "Reads faces (classpulse) · Class view",
    "Eve · reads faces (classpulse)",
    "classpulse",
    "bot",
)
"""Names that somebody may take to be taken for a bot, and so for nobody."""

LOUD_NAMES = (
    "", " ", "\u200b\u202e", "\u3164", "\x1b[31m", "a" * 10_000, "a\u0301" * 500, "\u202eevE", "\ud800", "[/x]",
    "\U0001f9d1\u200d" * 40, "<b>", "{0}", "%s", "\r\nSet-Cookie: a=b", "\u200d" * 100 + "Eve", "👍🏽" * 99,
    "\U000e0041" * 70, "#" * 80, "ﷺ" * 80,
)  # fmt: skip
"""Names that try to hide, forge, break out of or fill what shows them."""

OBEYED = (
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x9b31m",
    "line\nclasspulse: forged",
    "line\r\nforged",
    "back\b\b\b",
    "\u202etxt.exe",
    "\u2066isolated\u2069",
    "\u2028separated\u2029",
    "soft\u00adhyphen",
    "zero\u200bwidth",
    "\ufeffmark",
    "\udc80lone",
    "\ue000private",
    "nul\0",
)
"""What a terminal, a log or a page would obey instead of showing it."""

MARKUP = (
    "[/x]",
    "[bold]",
    "[red]x[/red]",
    "[link=file:///etc/passwd]x[/link]",
    "<script>",
    "%s %(name)s",
    "{0}",
    "\\[",
)
"""What a library could take for its own notation."""

SCRIPTS = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "`onclick=alert(1)`",
    "<!-- ",
    "--><b>",
    "<![CDATA[<b>]]>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "&",
    "javascript:alert(1)",
    "</textarea></form><form action=//evil.example>",
    "<a href=data:text/html,x>",
    "<\x00script>",
    "\uff1cscript\uff1e",
    "+ADw-script+AD4-",
    "{title}",
    "{{end.kicked}}",
    "%(title)s",
)
"""What a page could take for its own markup: it is read as it was written, and no element or attribute comes of it."""

# -- rooms and addresses ---------------------------------------------------------------------------------------------

ADDRESSES_THAT_ARE_NONE = (
    "",
    " ",
    "nonsense",
    "://",
    "file:///etc/passwd",
    "janus+wss://janus.example.org@evil.example/5",
    "janus+wss://evil@janus.example.org/5",
    "janus+wss://janus.example.org:@evil.example/5",
    "janus+wss://janus.example.org\\@evil.example/5",
    "janus+wss://janus.example.org#@evil.example/5",
    "janus+wss://janus.example.org:/5",
    "janus+wss://janus.example.org//evil.example/5",
    "janus+wss://janus.example.org/../5",
    "janus+wss://janus.example.org/%2e%2e/5",
    "janus+wss://janus.example.org/a//5",
    "janus+wss://janus.example.org/5\n",
    "janus+wss://janus.ex\tample.org/5",
    "janus+wss://janus.example.org/5 janus+wss://janus.example.org/6",
    "janus+wss://janus.example.org/5\u2028whep+https://10.0.0.1/b",
    "janus+wss://janus.example.org/5\u00a0whep+https://10.0.0.1/b",
    "janus+ws://[::1/5",
    "janus+ws://[fe80::1%25eth0]:8188/5",
    "janus+ws://127.0.0.1:x/5",
    "janus+ws://127.0.0.1:99999/5",
    " janus+ws://127.0.0.1:8188/5",
    "local:r",
    "local://",
    "local://a%0Ab",
    "local://a%2Fb",
    "local://%1b[31mred",
    "local://" + "x" * 200,
    "whep+https://h/" + "x" * 200,
    "whep+https://h/%ff",
    "whep+https://h/a%00b",
    "whep+https://h/a?" + "&".join(f"{n}=1" for n in range(99)),
)
"""No address of a meeting, or one that two programs might read differently."""
NAMES_IN_ADDRESSES = ("%5B/x%5D", "%C3%BC%E2%98%83", "a%20b", "---", ".hidden", "%3Cscript%3E", "x" * 120, "a,b;c=d")
"""Last parts of an address's path."""

# -- requests: Host, Origin, addresses behind proxies ----------------------------------------------------------------

FOREIGN_HOSTS = (
    "evil.example.org",
    "evil.example.org:8080",
    "127.0.0.1.evil.example.org",
    "localhost.evil.example.org",
    "127.0.0.1@evil.example.org",
    "evil.example.org#127.0.0.1",
    "127.0.0.1, evil.example.org",
    "127.0.0.1:99999",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",
    "[::]",
    "[::ffff:192.0.2.1]",
    "192.0.2.1",
    "localhost:80:80",
    "loc\u00e4lhost",
    "",
    " ",
)
"""What a Host header may say that is not a name of a server on 127.0.0.1, whatever it looks like."""

FOREIGN_ORIGINS = (
    "https://evil.example.org",
    "http://evil.example.org:8080",
    "http://127.0.0.1.evil.example.org",
    "http://127.0.0.1:1",
    "http://localhost@evil.example.org",
    "null",
    "127.0.0.1",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "http://[",
)
"""What an Origin header may say that is no page of a server on 127.0.0.1:8080."""

LANGUAGES_ASKED_FOR = (
    "", ",", ";q=1", "de;q=2", "de;q=-1", "de;q=0.9999", "de;q=NaN", "de q=1", "../de", "de/../..", "d\u0435", "tlh",
    "x" * 5000, "tlh," * 30 + "de", "-de", "1de", "*", "de;q=0", "\u202ede",
)  # fmt: skip
"""`Accept-Language` that names none of ours, or nothing that can be read."""
FORMS_THAT_LAUNCH_NOTHING = (
    *(b"", b"&&&", b"=", b"iss", b"iss=", b"\xff\xfe", b"iss=%ff%fe&login_hint=1", b"iss=a&login_hint=1&iss=b"),
    *(
        b"iss[]=a&login_hint=1",
        b"ISS=a&LOGIN_HINT=1",
        b"iss=" + b"a" * 2001 + b"&login_hint=1",
        b"&".join([b"a=b"] * 31),
    ),
    *(b"{}", b'{"iss": "a", "login_hint": "1"}', b"iss=a;login_hint=1", "iss=ä&login_hint=ö".encode()),
)
"""With what a launch from a learning platform may begin, or seem to."""
CLAIMS_THAT_ARE_NONE = (
    *(b"", b"null", b"[]", b"0", b'"a"', b"{", b"\xff", b'{"iss": 1}', b"[" * 5000, b'{"a":' * 5000, b"NaN"),
    *(b'{"iss": {"$gt": ""}}', b'{"aud": {}}', b'{"exp": "1"}', b'{"exp": true}', b'{"exp": -1}', b'{"exp": 1e999}'),
    *(b'{"roles": {"a": 1}}', b'{"context": []}', b'{"context": {"id": {}}}', b'{"resource_link": "x"}'),
    *(b'{"deployment_id": []}', b'{"aud": []}', b'{"aud": [["a"]]}', b'{"iss": "\\ud800"}', b'{"sub": ""}'),
)
"""What a token of a learning platform may say; names are short here, and put into a launch that is whole else."""
KEY_SETS_THAT_ARE_NONE = (
    *("", "null", "[]", "{}", '{"keys": null}', '{"keys": {}}', '{"keys": [1]}', "<html>", "[" * 5000),
    '{"keys": [' + ",".join(["{}"] * 51) + "]}",
)
KEYS_THAT_ARE_NONE: list[dict[str, object]] = [
    {}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC"}, {"kty": None}, {"alg": "HS256"}, {"alg": "none"},
    {"use": "enc"},
    {"n": "AQAB"}, {"n": "A" * 2000}, {"n": 5}, {"n": "+" * 400}, {"e": ""}, {"e": "A" * 400}, {"kid": ""}, {"kid": 5},
]  # fmt: skip
"""What may stand in a platform's key set beside keys for RS256: changes of one that is."""
ORIGINS_THAT_ARE_NONE = (
    *("*", "https://*", "https://*.example.org", "'self'", "null", "https://", "lms.example.org", "//lms.example.org"),
    *("https://lms.example.org; script-src *", "https://lms.example.org, https://evil.example.org"),
    *("https://lms.example.org\r\nx: y", "https://lms.example.org 'unsafe-inline'", "javascript:alert(1)", "data:,x"),
    *("https://a:b@lms.example.org", "https://lms.example.org/path", "https://lms.example.org?x", "https://ä.example"),
    *("https://lms.example.org:0", "https://lms.example.org:99999", "file:///etc", "https://lms_example;"),
)
"""What an operator, or whoever writes settings for one, may name as a site whose pages show ours in a frame."""
FORWARDED = (
    # X-Forwarded-For, trusted proxies, whose request it is when 10.0.0.1 brings it
    (("192.0.2.7",), ("10.0.0.0/8",), "192.0.2.7"),
    (("192.0.2.7",), (), "10.0.0.1"),
    (("192.0.2.7",), ("10.0.0.2",), "10.0.0.1"),
    (("203.0.113.5, 192.0.2.7",), ("10.0.0.0/8",), "192.0.2.7"),
    (("203.0.113.5", "192.0.2.7, 10.1.1.1"), ("10.0.0.0/8",), "192.0.2.7"),
    (("127.0.0.1, 192.0.2.7",), ("10.0.0.0/8",), "192.0.2.7"),
    (("192.0.2.7:4711",), ("10.0.0.1",), "192.0.2.7"),
    (("[2001:db8::7]:4711",), ("10.0.0.1",), "2001:db8::7"),
    (("2001:db8::7",), ("10.0.0.1",), "2001:db8::7"),
    (("::ffff:192.0.2.7",), ("10.0.0.1",), "192.0.2.7"),
    (("10.0.0.9, 10.0.0.8",), ("10.0.0.0/8",), "10.0.0.9"),
    (("192.0.2.7, unknown",), ("10.0.0.1",), "10.0.0.1"),
    (("192.0.2.7, ",), ("10.0.0.1",), "10.0.0.1"),
    (("\x1b[2J",), ("10.0.0.1",), "10.0.0.1"),
    (("",), ("10.0.0.1",), "10.0.0.1"),
    ((), ("10.0.0.1",), "10.0.0.1"),
)

CONTENT_TYPES = (
    "",
    "text/plain",
    "text/plain; application/json",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/jsonx",
    "x-application/x-www-form-urlencoded",
)
"""What a form or call may be sent as that is neither, as foreign pages do without asking first."""

FOREIGN_STAYS = (
    "..",
    "%2e%2e",
    "a%2fb",
    "..%2f..%2fv1%2fbots",
    "a" * 65,
    "a b",
    "\u00e9",
    "a%00b",
    "a%0d%0ab",
    "@h",
    "a;b=c",
)
"""What may stand in an address where a stay's unguessable name is expected: none of it leads anywhere else."""

# -- what Redis may hold ---------------------------------------------------------------------------------------------

REDIS_TEXTS = [
    "", " ", "garbage", "0", "-1", "1e400", "nan", "inf inf", "1 2 3", "9" * 5000, "null", "true", "[]", "[[]]", "{}",
    '["a"]', '["a", 1]', '[1, 2]', '["\\ud800", "x"]', '{"v": 1}', '{"v": "1"}', '{"v": 1, "type": []}',
    '{"v":1,"type":"hello","room":"room a","epoch":1,"seq":0,"at":0}',
    '{"v":1,"type":"hello","room":"room b","epoch":1,"seq":0,"at":0}',
    '{"v":1,"type":"of_tomorrow","room":"room a","epoch":1,"seq":1,"at":0}',
    '{"v":1,"type":"bot_state","room":"room a","epoch":-1,"seq":1e99,"at":null}',
    '{"id": "x"}', '{"state": "of tomorrow", "since": 0}', "[" * 5000, '{"a":' * 5000, "\x00", "\ufffd", "a-b", "-",
    "1-", "999999999999999999999-1",
]  # fmt: skip
"""Texts in the place of an event, a record, a number, an id or two times."""

REDIS_BYTES = [b"\xff\xfe", b"\x80", b"{\x00\xc3}", b'["\xed\xa0\x80", 1]']
"""What is no UTF-8 either."""

REDIS_VALUES: dict[str, tuple[str, ...]] = {
    "string": ("SET", "KEY", "TEXT"),
    "list": ("RPUSH", "KEY", "TEXT"),
    "set": ("SADD", "KEY", "TEXT"),
    "hash": ("HSET", "KEY", "TEXT", "TEXT"),
    "sorted set": ("ZADD", "KEY", "1", "TEXT"),
    "stream": ("XADD", "KEY", "*", "TEXT", "TEXT"),
}
"""Type of a key → the command that makes one of it; KEY and TEXT are replaced."""

# -- windows that are shared -----------------------------------------------------------------------------------------

SHARED_AS = ("", "galery", "Gallery", "gallery ", "gallery,person", "person", "1", "\u202egallery")
"""What a publisher may say that their video is: all of it is refused, for a class taken for one person is misread."""

DECISIONS_THAT_ARE_NONE = (
    b"", b"[]", b"null", b"{", b'"p1"', b'{"leave_out": "p1"}', b'{"leave_out": null}', b'{"read": [1]}',
    b'{"read": [["p1"]]}', b'{"who": []}', b'{"begin": 1}', b'{"begin": "true"}', b"\xff\xfe", b"x" * 5000,
    b'{"leave_out": [' + b'"p1",' * 64 + b'"p1"]}',
)  # fmt: skip
"""Bodies by which nobody is left out of a window, or taken back: refused, and nothing of them is done."""

IDS_OF_NOBODY = ("", "p0", "p99999", "p-1", "P1", "p1 ", "p\u0661", "../p1", "p1\x00", "1", "x" * 500)
"""Whom a decision may name who is not in the window: they change nothing, and break nothing."""

Window = Callable[[], "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"]
WINDOWS: dict[str, Window] = {
    "tiny": lambda: np.zeros((64, 64, 3), np.uint8),
    "a pixel": lambda: np.zeros((1, 1, 3), np.uint8),
    "a strip": lambda: np.full((300, 4096, 3), 90, np.uint8),
    "a column": lambda: np.full((2304, 290, 3), 90, np.uint8),
    "noise": lambda: np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8),
    "black, as of a covered window": lambda: np.zeros((1080, 1920, 3), np.uint8),
    "stripes of a pixel": lambda: np.repeat(np.indices((720, 1280)).sum(0)[..., None] % 2 * 255, 3, 2).astype(np.uint8),
    "a thousand little tiles": lambda: np.kron(
        np.random.default_rng(2).integers(0, 256, (27, 48, 3), dtype=np.uint8), np.ones((40, 40, 1), np.uint8)
    ),
}
"""Pictures of windows that show no gallery: nobody is found in them, and they cost no more than one that does."""

# -- SDP -------------------------------------------------------------------------------------------------------------

# -- pictures and video ----------------------------------------------------------------------------------------------

Picture = Callable[[], object]
"""Makes a picture when it is wanted: some take half a gigabyte."""


def _as_strided(shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0) -> object:
    memory = np.arange(1 << 20, dtype=np.uint8)[start:]
    return np.lib.stride_tricks.as_strided(memory, shape, strides)


PICTURES: dict[str, Picture] = {
    "an ordinary one": lambda: np.zeros((360, 640, 3), np.uint8),
    "one pixel": lambda: np.zeros((1, 1, 3), np.uint8),
    "one row": lambda: np.zeros((1, 200, 3), np.uint8),
    "one column": lambda: np.zeros((200, 1, 3), np.uint8),
    "one row too long": lambda: np.zeros((1, 16_384, 3), np.uint8),
    "wide as the first that killed": lambda: np.zeros((16, 33_600, 3), np.uint8),
    "high as the first that killed": lambda: np.zeros((33_600, 16, 3), np.uint8),
    "a side no warp takes": lambda: np.zeros((32_767, 2_000, 3), np.uint8),
    "a side beyond 16 bits": lambda: np.zeros((2, 70_000, 3), np.uint8),
    "too many pixels": lambda: np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (16_384, 16_384, 3)),
    "a petabyte of one pixel": lambda: np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (1 << 24, 1 << 24, 3)),
    "no rows": lambda: np.zeros((0, 640, 3), np.uint8),
    "no columns": lambda: np.zeros((360, 0, 3), np.uint8),
    "no channels": lambda: np.zeros((360, 640, 0), np.uint8),
    "no numbers": lambda: np.zeros(0, np.uint8),
    "a number": lambda: np.uint8(7),
    "grey": lambda: np.zeros((360, 640), np.uint8),
    "grey with a third axis": lambda: np.zeros((360, 640, 1), np.uint8),
    "with transparency": lambda: np.zeros((360, 640, 4), np.uint8),
    "channels first": lambda: np.zeros((3, 360, 640), np.uint8),
    "a batch": lambda: np.zeros((1, 360, 640, 3), np.uint8),
    "numbers with a point": lambda: np.zeros((360, 640, 3), np.float32),
    "numbers that are none": lambda: np.full((360, 640, 3), np.nan),
    "bytes with a sign": lambda: np.zeros((360, 640, 3), np.int8),
    "two bytes each": lambda: np.zeros((360, 640, 3), np.uint16),
    "truths": lambda: np.zeros((360, 640, 3), bool),
    "objects": lambda: np.full((8, 8, 3), None),
    "upside down in memory": lambda: np.zeros((360, 640, 3), np.uint8)[::-1, ::-1, ::-1],
    "columns first in memory": lambda: np.asfortranarray(np.zeros((360, 640, 3), np.uint8)),
    "every third pixel": lambda: np.zeros((1080, 1920, 3), np.uint8)[::3, ::3],
    "a cut of another": lambda: np.zeros((1080, 1920, 3), np.uint8)[100:460, 7:647],
    "rows that overlap": lambda: _as_strided((360, 640, 3), (1, 3, 1)),
    "not where numbers begin": lambda: _as_strided((360, 640, 3), (1920, 3, 1), start=1),
    "one that is only read": lambda: np.frombuffer(bytes(360 * 640 * 3), np.uint8).reshape(360, 640, 3),
    "with a mask": lambda: np.ma.array(np.zeros((360, 640, 3), np.uint8), mask=True),  # type: ignore[no-untyped-call]
    "nothing": lambda: None,
    "rows of rows": lambda: [[[0, 0, 0]] * 4] * 4,
    "bytes": lambda: bytes(360 * 640 * 3),
}
"""What a caller may take for a picture."""

BOXES: dict[str, tuple[float, float, float, float]] = {
    "no number": (math.nan, 0.1, 0.2, 0.2),
    "sides that are no numbers": (0.1, 0.1, math.nan, math.nan),
    "endless": (0.0, 0.0, math.inf, math.inf),
    "endlessly far": (-math.inf, math.inf, 0.2, 0.2),
    "as large as numbers go": (0.0, 0.0, 1e308, 1e308),
    "far away": (1e18, -1e18, 0.2, 0.2),
    "far larger than the picture": (-500.0, -500.0, 1000.0, 1000.0),
    "inside out": (0.5, 0.5, -0.2, -0.2),
    "nothing": (0.5, 0.5, 0.0, 0.0),
}
"""Where a face may be said to have been: x, y, width, height in shares of the picture."""

LANDMARKS: dict[str, Callable[[], object]] = {
    "no numbers": lambda: np.full((478, 3), np.nan, np.float32),
    "one no number": lambda: np.where(np.arange(478 * 3).reshape(478, 3) == 700, np.nan, 0.5),
    "endless": lambda: np.full((478, 3), np.inf, np.float32),
    "as large as numbers go": lambda: np.full((478, 3), 3e38, np.float32),
    "all in one place": lambda: np.full((478, 3), 0.5, np.float32),
    "all far away": lambda: np.full((478, 3), -999.0, np.float32),
    "too few": lambda: np.zeros((10, 3), np.float32),
    "flat": lambda: np.zeros((478, 2), np.float32),
    "none at all": lambda: np.zeros((0, 3), np.float32),
    "whole numbers": lambda: np.zeros((478, 3), np.int64),
    "a list": lambda: [[0.0, 0.0, 0.0]] * 478,
}
"""What may stand where a face's landmarks are expected."""


def _png(width_px: int, height_px: int) -> bytes:
    """A picture file of black, whatever its head says, that ends after its first bytes of pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(1000))) + part(b"IEND", b"")


def _jpeg(width_px: int, height_px: int) -> bytes:
    head = struct.pack(">HBHHB", 17, 8, height_px, width_px, 3) + b"\x01\x11\0\x02\x11\0\x03\x11\0"
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0" + head + b"\xff\xd9"


def _webp(width_px: int, height_px: int) -> bytes:
    sides = (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides


PICTURE_FILES: dict[str, bytes] = {
    "a head of 40000x40000": _png(40_000, 40_000),
    "a head of 2147483647x2147483647": _png(2**31 - 1, 2**31 - 1),
    "a head of 0x0": _png(0, 0),
    "a head of 16x33600": _png(16, 33_600),
    "a head and nearly no pixels": _png(4_000, 4_000),
    "a head that is cut short": _png(640, 360)[:20],
    "a JPEG of 65535x65535": _jpeg(65_535, 65_535),
    "a JPEG of 0x0": _jpeg(0, 0),
    "a JPEG without pixels": _jpeg(640, 360),
    "a JPEG of segments without length": b"\xff\xd8" + b"\xff\xe0\0\0" * 5000,
    "a JPEG of fill": b"\xff" * 100_000,
    "a WebP of 16777216x16777216": _webp(1 << 24, 1 << 24),
    "a WebP without pixels": _webp(640, 360),
    "a WebP of an unknown kind": b"RIFF\0\0\0\0WEBPwhat" + bytes(40),
    "a bitmap of 40000x40000": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 40_000, 40_000, 1, 24, *[0] * 6),
    "a map of 40000x40000": b"P6 40000 40000 255\n",
    "text": b"hello",
    "nothing": b"",
}
"""What a file may hold that is called a picture."""

RECORDING_FILES: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"\0",
    "text": b"hello " * 1000,
    "a playlist of addresses": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
    "a playlist of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a description of a stream": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "a picture": _png(640, 360),
    "the head of an mp4 file": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
    "an mp4 file that is all to come": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\xff\xff\xff\xffmoov",
    "an atom of no length": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\0moov" + bytes(100),
    "atoms in atoms": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\x10\0moov" * 500,
    "the head of a webm file": b"\x1aE\xdf\xa3\x84B\x86\x81\1",
    "a webm file of endless parts": b"\x1aE\xdf\xa3\x84B\x86\x81\1\x18S\x80g\1\xff\xff\xff\xff\xff\xff\xff",
    "the head of an avi file": b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih",
    "a video of 33600x16 without a container": h264.frame(33_600, 16),
}
"""What a file may hold that is called a recording."""

VIDEO: dict[str, tuple[str, bytes]] = {
    "wide as the first that killed": ("H264", h264.frame(33_600, 16)),
    "high as the first that killed": ("H264", h264.frame(16, 33_600)),
    "a strip": ("H264", h264.frame(4_096, 16)),
    "a pole": ("H264", h264.frame(16, 4_096)),
    "too many pixels": ("H264", h264.frame(4_096, 2_320)),
    "a side too long": ("H264", h264.frame(4_112, 720)),
    "as large as can be said": ("H264", b"".join(h264.START + unit for unit in h264.parameter_sets(1 << 34, 1 << 34))),
    "a size that ends too early": ("H264", h264.START + b"\x67\x42"),
    "a size without an end": ("H264", h264.START + b"\x67\x42\xe0\x1f" + bytes(40)),
    "a size behind an ordinary one": ("H264", h264.frame(640, 368) + h264.frame(33_600, 16)),
    "VP8 as large as can be said": ("VP8", b"\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(100)),
    "VP8 as wide as can be said": ("VP8", b"\x10\0\0\x9d\x01\x2a\xff\x3f\x10\0" + bytes(100)),
    "VP8 of nothing": ("VP8", b"\x10\0\0\x9d\x01\x2a\0\0\0\0" + bytes(100)),
}
"""Frames that may be sent and must not be decoded: codec and bitstream."""


def vp9_key(width_px: int, height_px: int) -> bytes:
    """Make the beginning of a VP9 key frame of profile 0."""
    bits = f"10000010{0x498342:024b}0000{width_px - 1:016b}{height_px - 1:016b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") + bytes(40)


def av1_sequence(width_px: int, height_px: int) -> bytes:
    """Make an AV1 temporal unit that announces a sequence, in the form that still pictures have."""
    bits = f"00011{'00000'}{15:04b}{15:04b}{width_px - 1:016b}{height_px - 1:016b}"
    bits += "0" * (-len(bits) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big") + bytes(8)
    return b"\x12\x00" + bytes([0x0A, len(payload)]) + payload


BROWSER_VIDEO: dict[str, tuple[str, bytes]] = {
    **VIDEO,
    "VP9 as large as can be said": ("VP9", vp9_key(65_536, 65_536)),
    "VP9 a strip": ("VP9", vp9_key(4_096, 16)),
    "VP9 a size that ends too early": ("VP9", b"\x82\x49\x83\x42\x00"),
    "VP9 of another kind": ("VP9", b"\x00" * 30),
    "VP9 whose layers contradict it": ("VP9", vp9_key(640, 360) + b"\xc9\xff\xff\xff\xff\xc9"),
    "AV1 as large as can be said": ("AV1", av1_sequence(65_536, 65_536)),
    "AV1 a pole": ("AV1", av1_sequence(16, 4_096)),
    "AV1 that ends too early": ("AV1", b"\x0a\x03\x18"),
    "AV1 with a length without an end": ("AV1", b"\x0a" + b"\xff" * 20),
    "AV1 of nothing": ("AV1", b"\x0a\x00"),
}
"""The same in all codecs that a browser receives."""
