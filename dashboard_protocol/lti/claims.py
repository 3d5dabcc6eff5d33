"""Pure: decodes what browsers bring from a learning platform. Its only failure is `LaunchRefused`.

Nothing here is verified yet: what comes out has the right form, and no more.
"""

import binascii
from base64 import urlsafe_b64decode
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard_protocol.errors import LaunchRefused

MOST_BYTES = 32 << 10
"""Of a form, or a query: tokens of large courses have some 6 KB."""
MOST_FIELDS = 30
MOST_PADDING = 4
_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
_INSTRUCTOR = ("http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor", "Instructor")
"""In the course itself: who teaches elsewhere, or assists, is none here. Platforms may write it shortly."""

Text = Annotated[str, Field(min_length=1, max_length=2000)]
_M = TypeVar("_M", bound=BaseModel)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class LoginRequest(_Model):
    """With what a platform begins a launch."""

    iss: Text
    login_hint: Text
    client_id: Text | None = None
    lti_message_hint: Text | None = None
    target_link_uri: Text | None = None


class LaunchForm(_Model):
    """What it posts in the end."""

    state: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,100}$")]
    id_token: Annotated[str, Field(min_length=1, max_length=MOST_BYTES)]


class Header(_Model):
    """How a token is signed: as LTI has it, and in no other way."""

    alg: Literal["RS256"]
    kid: Text


class Context(_Model):
    """A course."""

    id: Annotated[str, Field(min_length=1, max_length=255)]


class ResourceLink(_Model):
    """The link in it that was opened."""

    id: Annotated[str, Field(min_length=1, max_length=255)]


class Claims(_Model):
    """What a launch says."""

    iss: Text
    aud: Text | Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    azp: Text | None = None
    sub: Text
    nonce: Text
    exp: Annotated[float, Field(ge=0, le=1e11)]
    iat: Annotated[float, Field(ge=0, le=1e11)]
    version: Literal["1.3.0"] = Field(alias=f"{_CLAIM}version")
    message_type: Literal["LtiResourceLinkRequest"] = Field(alias=f"{_CLAIM}message_type")
    deployment_id: Annotated[str, Field(min_length=1, max_length=255, alias=f"{_CLAIM}deployment_id")]
    resource_link: ResourceLink = Field(alias=f"{_CLAIM}resource_link")
    context: Context = Field(alias=f"{_CLAIM}context")
    roles: Annotated[tuple[Text, ...], Field(max_length=200)] = Field(alias=f"{_CLAIM}roles")

    @property
    def client_id(self) -> str:
        """For whom it was made; `read_token` sees that there is one alone."""
        return self.aud if isinstance(self.aud, str) else self.aud[0]

    @property
    def teaches(self) -> bool:
        """Whether it is of somebody who teaches this course."""
        return any(role in _INSTRUCTOR for role in self.roles)


class Token(NamedTuple):
    """A launch as it came, taken apart."""

    header: Header
    claims: Claims


def read_login(query: bytes) -> LoginRequest:
    """Decode with what a launch begins: the query of an address, or a form.

    Raises:
        LaunchRefused: It is no such thing.
    """
    return _read(LoginRequest, _fields(query), "It does not begin as a launch does")


def read_launch(form: bytes) -> LaunchForm:
    """Decode the form with which a launch ends.

    Raises:
        LaunchRefused: It is no such thing; where the platform says why it does not launch, this is in the text.
    """
    fields = _fields(form)
    if "error" in fields:
        raise LaunchRefused(f"The platform refused: {fields['error'][:100]!r}")
    return _read(LaunchForm, fields, "It does not end as a launch does")


def read_token(token: str) -> Token:
    """Take a token apart.

    Raises:
        LaunchRefused: It is none, or not that of a link in a course that was opened.
    """
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise LaunchRefused("The token is none")
    header = _read_json(Header, parts[0])
    claims = _read_json(Claims, parts[1])
    if not isinstance(claims.aud, str) and (len(claims.aud) > 1 or claims.azp not in (None, claims.aud[0])):
        raise LaunchRefused("The token is for more than one")
    return Token(header, claims)


def _fields(text: bytes) -> dict[str, str]:
    """Decode a form; a field that stands there twice may mean either, so there is no such form."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=False, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise LaunchRefused("It is no form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LaunchRefused("A field stands there twice")
    return fields


def _read(model: type[_M], fields: Any, what: str) -> _M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise LaunchRefused(f"{what}: {_place(error)}") from error


def _read_json(model: type[_M], part: str) -> _M:
    try:
        text = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % MOST_PADDING))
        return model.model_validate_json(text)
    except ValidationError as error:
        raise LaunchRefused(f"The token does not say what a launch says: {_place(error)}") from error
    except (binascii.Error, ValueError) as error:
        raise LaunchRefused("The token is none") from error


def _place(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"[:200]
