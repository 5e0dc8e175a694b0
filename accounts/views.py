"""The pages around an account. They work without script; each posts to itself and the action decides."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import queries, sessions
from accounts.actions import passwords as password_actions
from accounts.actions import profile as profile_actions
from accounts.actions import sessions as session_actions
from accounts.actions.login import SignIn, log_in, sign_in_new
from accounts.actions.registration import check_setup_code, create_first_admin, register_user, setup_steps
from accounts.actor import Actor
from accounts.authentication import visitor_of
from accounts.forms import AccountForm, LoginForm, PasswordForm, PlainForm, ProfileForm, RegisterForm, WelcomeForm
from accounts.shapes import SessionOutput
from lairchat.core.errors import DomainError
from lairchat.core.ids import parse_uuid

View = Callable[..., HttpResponse]
THEMES = ("auto", "light", "dark", "contrast")
THEME_COOKIE = "lair_theme"
YEAR_SECONDS = 365 * 24 * 3600
read_and_write = require_http_methods(["GET", "HEAD", "POST"])


def page(view: View) -> View:
    """Decorator: a page of one person, never kept by anybody, its posted secrets never written down."""
    return never_cache(sensitive_post_parameters()(view))


def signed_in(view: View) -> View:
    """Decorator: send a visitor to the sign-in page, and back afterwards."""

    @functools.wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.actor is None:
            return redirect(f"/login?next={quote(request.path)}")
        return view(request, *args, **kwargs)

    return page(guarded)


@page
@read_and_write
def welcome(request: Any) -> HttpResponse:
    """The set-up page, open with the one-time code until there is an administrator (S18).

    Context: `form` (username, email, password, room_name), `code`.
    """
    code = request.POST.get("code") or request.GET.get("code", "")
    try:
        check_setup_code(code)
    except DomainError as refusal:
        context = {"title": "This link does not work", "what": refusal.text}
        return render(request, "400.html", context, status=refusal.status)
    form = WelcomeForm(request.POST or None, initial={"room_name": "General"})
    if form.is_valid():
        values = form.cleaned_data
        visitor = visitor_of(request, "web")
        try:
            admin = create_first_admin(visitor, code, values["username"], values["email"], values["password"])
            signed = sign_in_new(visitor, admin)
        except DomainError as refusal:
            return _refused(request, "accounts/welcome.html", form, refusal, code=code)
        for step in setup_steps:
            step(_actor(request, signed), values["room_name"])
        return _enter(request, signed, "/")
    return _show(request, "accounts/welcome.html", form, code=code)


@page
@read_and_write
def login(request: Any) -> HttpResponse:
    """Signing in.

    Context: `form` (identifier, password), `next`, `reason` (signed_out, session_ended or empty), `may_register`.
    """
    next_ = safe_next(request.POST.get("next") or request.GET.get("next", ""))
    if request.actor is not None and request.method != "POST":
        return redirect(next_)
    form = LoginForm(request.POST or None)
    context = {"next": next_, "reason": request.GET.get("reason", ""), "may_register": True}
    if form.is_valid():
        values = form.cleaned_data
        try:
            signed = log_in(visitor_of(request, "web"), values["identifier"], values["password"])
        except DomainError as refusal:
            return _refused(request, "accounts/login.html", form, refusal, **context)
        return _enter(request, signed, next_)
    return _show(request, "accounts/login.html", form, **context)


@page
@read_and_write
def register(request: Any) -> HttpResponse:
    """Making an account. Context: `form` (username, email, password)."""
    if request.actor is not None:
        return redirect("/")
    form = RegisterForm(request.POST or None)
    if form.is_valid():
        values = form.cleaned_data
        visitor = visitor_of(request, "web")
        try:
            user = register_user(visitor, values["username"], values["email"], values["password"])
            signed = sign_in_new(visitor, user)
        except DomainError as refusal:
            return _refused(request, "accounts/register.html", form, refusal)
        return _enter(request, signed, "/")
    return _show(request, "accounts/register.html", form)


@page
@require_POST
def logout(request: Any) -> HttpResponse:
    """Sign out; once more is no error."""
    if request.actor is not None:
        session_actions.log_out(request.actor)
        request.session.drop()
    return redirect("/login?reason=signed_out")


@page
@require_safe
def status(request: Any) -> HttpResponse:
    """Why somebody cannot come in, for the browser whose session the staff ended. Context: `reason`, `until`."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    sanction = queries.sanction_behind(sessions.stored_key(cookie)) if cookie else None
    context = {"reason": sanction.reason, "until": sanction.ends_at} if sanction else {"reason": "", "until": None}
    return render(request, "accounts/status.html", context)


@signed_in
@read_and_write
def profile(request: Any) -> HttpResponse:
    """Context: `section`, `saved`, `form` (display_name, bio, timezone, language), `timezones`, `languages`."""
    person = request.actor.person
    now = {name: getattr(person, name) for name in ProfileForm.base_fields}
    context = {"timezones": sorted(available_timezones()), "languages": settings.LANGUAGES}
    change = functools.partial(profile_actions.update_profile, request.actor)
    return _settings(request, "profile", ProfileForm(request.POST or None, initial=now), change, **context)


@signed_in
@read_and_write
def account(request: Any) -> HttpResponse:
    """Context: `section`, `saved`, `form` (email); `user` is the row."""
    form = AccountForm(request.POST or None, initial={"email": request.actor.person.email})
    return _settings(request, "account", form, functools.partial(profile_actions.update_profile, request.actor))


@signed_in
@read_and_write
def password(request: Any) -> HttpResponse:
    """Context: `section`, `saved`, `form` (current_password, new_password). All other sessions end."""
    change = functools.partial(password_actions.change_password, request.actor)
    return _settings(request, "password", PasswordForm(request.POST or None), change)


@signed_in
@read_and_write
def sessions_page(request: Any) -> HttpResponse:
    """Context: `section`, `saved`, `sessions` (id, kind, device, address, last_seen_at, current).

    A post ends the one named by `session`, or with `all` all but this one.
    """
    actor: Actor = request.actor
    if request.method == "POST":
        return _end_sessions(request, actor)
    own = [SessionOutput.of(session, actor.session_id) for session in session_actions.list_sessions(actor)]
    context = {"section": "sessions", "saved": "saved" in request.GET, "sessions": own}
    return render(request, "accounts/settings/sessions.html", context)


def _end_sessions(request: Any, actor: Actor) -> HttpResponse:
    session_id = parse_uuid(request.POST.get("session"))
    if "all" in request.POST:
        session_actions.end_sessions(actor)
    elif session_id is not None:
        try:
            session_actions.end_session(actor, session_id)
        except DomainError:
            return redirect("/settings/sessions")  # it has ended already: the list says so
    return redirect("/settings/sessions?saved=1")


@signed_in
@read_and_write
def look(request: Any) -> HttpResponse:
    """Context: `section`, `saved`, `theme`. It is this browser's alone: a cookie that scripts may read."""
    if request.method == "POST":
        theme = request.POST.get("theme", "")
        response = redirect("/settings/look?saved=1")
        if theme in THEMES:
            secure = settings.SESSION_COOKIE_SECURE
            response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_SECONDS, secure=secure, samesite="Lax")
        return response
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    context = {"section": "look", "saved": "saved" in request.GET, "theme": theme}
    return render(request, "accounts/settings/look.html", context)


def _settings(
    request: Any, section: str, form: PlainForm, change: Callable[..., object], **context: Any
) -> HttpResponse:
    """One settings page: show the form, or make the change and come back to it."""
    template = f"accounts/settings/{section}.html"
    context |= {"section": section, "saved": "saved" in request.GET}
    if not form.is_valid():
        return _show(request, template, form, **context)
    try:
        change(**form.cleaned_data)
    except DomainError as refusal:
        return _refused(request, template, form, refusal, **context)
    return redirect(f"{request.path}?saved=1")


def _show(request: HttpRequest, template: str, form: PlainForm, **context: Any) -> HttpResponse:
    status = 400 if form.is_bound else 200
    return render(request, template, {"form": form, **context}, status=status)


def _refused(
    request: HttpRequest, template: str, form: PlainForm, refusal: DomainError, **context: Any
) -> HttpResponse:
    form.refuse(refusal)
    response = render(request, template, {"form": form, **context}, status=refusal.status)
    if "retry_after" in refusal.details:
        response["Retry-After"] = str(refusal.details["retry_after"])
    return response


def _actor(request: HttpRequest, signed: SignIn) -> Actor:
    visitor = visitor_of(request, "web")
    return Actor(signed.user, "web", signed.session.id, visitor.address, visitor.request_id)


def _enter(request: Any, signed: SignIn, path: str) -> HttpResponse:
    """Give the browser its session; an older one of the same browser has no use any more."""
    if request.actor is not None:
        session_actions.log_out(request.actor)
    request.session.adopt(signed.session, signed.cookie)
    return redirect(path)


def safe_next(path: str) -> str:
    """The path to go to after signing in: one of ours, or the chat."""
    own = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if own else "/"
