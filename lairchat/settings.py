"""Django's settings, made from the configuration; no logic beyond that."""

from csp.constants import NONE, SELF

from lairchat import config

_config = config.current()

DEBUG = False
SECRET_KEY = _config.secret_key
ALLOWED_HOSTS = list(_config.allowed_hosts)
SITE_IS_TLS = _config.site.address.startswith("https://")

INSTALLED_APPS = [
    "lairchat.apps.LairChatConfig",  # first: its createsuperuser takes the place of Django's
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "lairchat.apps.LairAdminConfig",
    "lairchat.core.apps.CoreConfig",
    "accounts.apps.AccountsConfig",
    "rooms.apps.RoomsConfig",
    "chat.apps.ChatConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
]

# Pages and /admin take all of these; the API takes only what it needs (lairchat.middleware.pages_only).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "lairchat.middleware.Static",
    "corsheaders.middleware.CorsMiddleware",
    "lairchat.middleware.Sessions",
    "lairchat.middleware.Locale",
    "django.middleware.common.CommonMiddleware",
    "lairchat.middleware.Csrf",
    "lairchat.middleware.Account",
    "lairchat.middleware.Messages",
    "lairchat.middleware.ContentPolicy",
]

ROOT_URLCONF = "lairchat.urls"
ASGI_APPLICATION = "lairchat.asgi.application"
SOCKET_APPLICATION = "chat.routing.application"
APPEND_SLASH = False  # the original client follows a redirect of a POST as a GET

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [__import__("pathlib").Path(__file__).parent.parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lairchat.pages.site",
            ],
        },
    }
]

DATABASES = {"default": _config.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS: list[str] = []  # accounts.actions.login is the one door; Django's own login() opens nothing
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # the folded form of the name is the unique one
    "security.W003",  # lairchat.middleware.Csrf is Django's, for pages; the API checks cookies where it reads them
    "security.W005",  # the site's other names are not ours to promise for
    "security.W008",  # TLS is the proxy's; the original client must never be redirected
    "security.W021",
]
PASSWORD_HASHERS = ["accounts.passwords.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"}]
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_NAME = "__Host-lair_session" if SITE_IS_TLS else "lair_session"
SESSION_COOKIE_SECURE = SITE_IS_TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-lair_csrf" if SITE_IS_TLS else "lair_csrf"
CSRF_COOKIE_SECURE = SITE_IS_TLS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [_config.site.address]
CSRF_FAILURE_VIEW = "lairchat.pages.csrf_failure"
LOGIN_URL = "/login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = _config.data_dir / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "lairchat.static.ModuleStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

CORS_ALLOW_ALL_ORIGINS = not _config.cors_origins
CORS_ALLOWED_ORIGINS = list(_config.cors_origins)
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/api/"

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_HSTS_SECONDS = 31_536_000 if SITE_IS_TLS else 0
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "media-src": [SELF],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["lair"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.Bearer", "accounts.authentication.Cookie"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["lairchat.core.formats.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lairchat.core.formats.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "lairchat.core.openapi.CommandSchema",
    "EXCEPTION_HANDLER": "lairchat.core.rest.handle_error",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lair Chat",
    "DESCRIPTION": "Team chat on your own machine. Sign in, then send the token as `Authorization: Bearer`.",
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE_NAME},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
        }
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"displayRequestDuration": True},
}

LOGGING_CONFIG = None  # lairchat.server.run sets up one JSON object a line
