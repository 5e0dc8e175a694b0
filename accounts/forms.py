"""The forms of the account pages: they know names and requiredness; what is right the actions decide."""

from django import forms

from accounts.errors import (
    EmailInvalid,
    EmailTaken,
    IncorrectPassword,
    PasswordTooWeak,
    UsernameInvalid,
    UsernameTaken,
)
from lairchat.core.errors import DomainError, RateLimited

LONGEST = 2000  # a page's field; the actions have the real bounds

FIELDS: dict[type[DomainError], str] = {
    UsernameInvalid: "username",
    UsernameTaken: "username",
    EmailInvalid: "email",
    EmailTaken: "email",
    IncorrectPassword: "current_password",
}


class PlainForm(forms.Form):
    """A form that shows an action's refusal where it belongs."""

    def refuse(self, error: DomainError) -> None:
        """Put the refusal beside its field, or above the form."""
        field = FIELDS.get(type(error)) or error.details.get("field")
        if isinstance(error, PasswordTooWeak):
            field = "new_password" if "new_password" in self.fields else "password"
        self.add_error(field if field in self.fields else None, _words(error))


def _words(error: DomainError) -> str:
    if isinstance(error, RateLimited):
        return f"Too many tries. Wait {error.details['retry_after']} seconds, then try again."
    return error.text


def _text(*, required: bool = True, strip: bool = True) -> forms.CharField:
    return forms.CharField(required=required, strip=strip, max_length=LONGEST)


class LoginForm(PlainForm):
    identifier = _text()
    password = _text(strip=False)


class RegisterForm(PlainForm):
    username = _text()
    email = _text()
    password = _text(strip=False)


class WelcomeForm(RegisterForm):
    room_name = forms.CharField(max_length=64)


class ProfileForm(PlainForm):
    display_name = _text(required=False)
    bio = _text(required=False)
    timezone = _text()
    language = _text()


class AccountForm(PlainForm):
    email = _text()


class PasswordForm(PlainForm):
    current_password = _text(strip=False)
    new_password = _text(strip=False)
