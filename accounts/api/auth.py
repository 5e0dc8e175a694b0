"""Routes of people at the door: they come without a session, and a stale token they still carry does not matter."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import commands
from accounts.actions.login import SignIn, TokenPair, log_in, rotate_tokens, sign_in_new, tokens_of
from accounts.actions.registration import register_user
from accounts.actor import Visitor
from accounts.authentication import visitor_of
from accounts.models import UserSession
from accounts.shapes import (
    LoginInput,
    RefreshInput,
    RegisterInput,
    SessionInfo,
    SignInAnswer,
    TokenAnswer,
    TokenPairAnswer,
    UserOutput,
)
from lairchat.core.commands import Command, Nothing
from lairchat.core.forms import parsed
from lairchat.core.rest import ActorView, endpoint

API = UserSession.Kind.API


def open_endpoint(function: Callable[[Visitor, Any], Any], name: str, takes: Any, gives: Any, status: int = 200) -> Any:
    """The view method that runs `(visitor, data) -> answer`; described like a command, but in no table."""

    def handle(view: ActorView, request: Request) -> Response:
        return Response(function(visitor_of(request, "rest"), parsed(takes, request.data)), status=status)

    handle.command = Command(name, takes, gives, function)  # type: ignore[attr-defined]
    handle.status = status  # type: ignore[attr-defined]
    handle.__doc__ = function.__doc__
    return handle


def _answer(sign_in: SignIn) -> SignInAnswer:
    return SignInAnswer(UserOutput.own(sign_in.user), SessionInfo.of(sign_in.session), sign_in.token)


def _pair(pair: TokenPair) -> TokenPairAnswer:
    return TokenPairAnswer(pair.access, pair.refresh, pair.expires_at)


def register(visitor: Visitor, data: RegisterInput) -> SignInAnswer:
    """Make an account and sign in."""
    user = register_user(visitor, data.username, data.email, data.password)
    return _answer(sign_in_new(visitor, user, kind=API))


def login(visitor: Visitor, data: LoginInput) -> SignInAnswer:
    """Sign in by name or mail address; the token lives as long as the session, 24 hours."""
    return _answer(log_in(visitor, data.identifier, data.password, kind=API))


def token(visitor: Visitor, data: LoginInput) -> TokenPairAnswer:
    """Sign in for a short token and one that buys the next pair."""
    return _pair(tokens_of(log_in(visitor, data.identifier, data.password, kind=API)))


def token_refresh(visitor: Visitor, data: RefreshInput) -> TokenPairAnswer:
    """The next pair; each refresh token is good once, and its session ends if it comes again."""
    return _pair(rotate_tokens(visitor, data.refresh))


class OpenView(ActorView):
    authentication_classes = []
    open_to_anybody = True


class Register(OpenView):
    post = open_endpoint(register, "register", RegisterInput, SignInAnswer, status=201)


class Login(OpenView):
    post = open_endpoint(login, "login", LoginInput, SignInAnswer)


class Token(OpenView):
    post = open_endpoint(token, "create_token", LoginInput, TokenPairAnswer)


class TokenRefresh(OpenView):
    post = open_endpoint(token_refresh, "refresh_token", RefreshInput, TokenPairAnswer)


def _refresh(actor: Any, data: Nothing) -> TokenAnswer:
    """Another token for the same session, which it does not make longer."""
    return commands.refresh(actor, data)


_refresh.command = Command("refresh", Nothing, TokenAnswer, _refresh)  # type: ignore[attr-defined]


class Refresh(ActorView):
    post = endpoint(_refresh)


class Logout(ActorView):
    post = endpoint(commands.logout)


class ChangePassword(ActorView):
    post = endpoint(commands.change_password)
