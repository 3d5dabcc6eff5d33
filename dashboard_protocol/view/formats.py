"""Numbers, dates and plural rules of the language that is spoken, by Unicode's data; the page's are `Intl`'s. Pure."""

import functools
from datetime import datetime

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from dashboard_protocol.language import Language, spoken
from dashboard_protocol.view.language_files import groups

_PLAIN, _SIGNED = "#,##0.###", "+0.00;-0.00"


@functools.cache
def locale(language: Language) -> Locale:
    """Return what Unicode knows of a language as its file names it: `en-GB`, or `ar-u-nu-latn` for Latin digits."""
    return Locale.parse(str(groups(language)["locale"]).partition("-u-")[0], sep="-")


def plural(n: float) -> str:
    """Return the plural category of a number: `one`, `few`, `other` and so on."""
    return locale(spoken()).plural_form(n)


def number(value: float) -> str:
    """Write a number in Latin digits, as clocks are, with three decimals at most."""
    return format_decimal(value, _PLAIN, locale(spoken()))


def signed(value: float) -> str:
    """Write a value between -1 and 1 with its sign and two decimals."""
    return format_decimal(value, _SIGNED, locale(spoken())).replace("\u200e", "").replace("-", "−")


def date(at: datetime) -> str:
    """Write a day: `30 November 2026`."""
    return format_date(at, "long", locale(spoken()))


def weekday(at: datetime) -> str:
    """Write the day of the week: `Monday`."""
    return format_date(at, "EEEE", locale(spoken()))
