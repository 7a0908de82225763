"""Every setting, read from the environment once; nonsense stops the start with one clear line.

`PORTAL_DEMO=1` (set by `./portal run`, `test` and `journey`) brings the demo clock, the simulators and a self-hosted
human check. Without it this is production, and what production needs is demanded. The README lists every variable.
"""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
DEMO = env.bool("PORTAL_DEMO", False)


def demanded(name, meaning, demo_default=None):
    """The variable `name`; missing, it stops the start, unless the demo has a default for it."""
    value = env.str(name, "")
    if value:
        return value
    if DEMO and demo_default is not None:
        return demo_default
    raise ImproperlyConfigured(f"{name} is not set: {meaning}. See README, 'Configure'.")


SECRET_KEY = demanded("SECRET_KEY", "a long random text that signs sessions and links")
PORTAL_URL = demanded(
    "PORTAL_URL", "the address people open, such as https://portal.example", "http://127.0.0.1:8000"
).rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[urlsplit(PORTAL_URL).hostname] + (["127.0.0.1", "localhost"] if DEMO else [])
)
SECURE = urlsplit(PORTAL_URL).scheme == "https"
if not DEMO and not SECURE:
    raise ImproperlyConfigured("PORTAL_URL must begin with https:// in production.")
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
DEBUG = False

INSTALLED_APPS = [
    "mumaris.kit",
    "accounts",
    "documents",
    "register",
    "payments",
    "cpd",
    "applications",
    "refunds",
    "mumaris.pages",
    "mumaris.pages.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_countries",
    "phonenumber_field",
    "django_recaptcha",
    "django_altcha",
    "csp",
    "pgtrigger",
    "pghistory",
    "post_office",
    "sequences",
]

MIDDLEWARE = [
    "mumaris.pages.errors.ErrorPages",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mumaris.kit.requests.BadText",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.language.LanguageMiddleware",
    "mumaris.pages.signing_in.SignInFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "mumaris.kit.requests.PrivatePages",
]

ROOT_URLCONF = "mumaris.urls"
WSGI_APPLICATION = "mumaris.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mumaris.pages.context.portal",
            ],
        },
    },
]

DATABASES = {
    "default": {
        **environ.Env.db_url_config(demanded("DATABASE_URL", "postgres://user:password@host/name")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
# Every trigger asks pgtrigger whether it is to be ignored; where the variable is not there at all, each of them catches an
# error of its own, which took half of the time of a sweep and more with every row of a transaction.
OPTIONS["options"] = f"{OPTIONS.get('options', '')} -c pgtrigger.ignore={{}}".strip()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = demanded("REDIS_URL", "redis://host:6379")


def broker_address(database):
    """Celery's and the cache's forms of REDIS_URL: a socket (`redis+socket:///path`) is spelt differently by each."""
    if REDIS_URL.startswith("redis+socket://"):
        path = urlsplit(REDIS_URL).path
        return f"redis+socket://{path}?virtual_host={database}", f"unix://{path}?db={database}"
    base = REDIS_URL.rstrip("/")
    return f"{base}/{database}", f"{base}/{database}"


CELERY_BROKER_URL = broker_address(0)[0]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": broker_address(1)[1],
        "TIMEOUT": 3600,
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = SECURE
LANGUAGE_COOKIE_SAMESITE = "Lax"

# PostgreSQL is the store of what is owed; the broker only carries nudges, so it may lose everything.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 120
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "socket_timeout": 5, "socket_connect_timeout": 1}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ROUTES = {"register.tasks.render_papers": {"queue": "papers"}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

EMAIL_BACKEND = "post_office.EmailBackend"
_mail = environ.Env.email_url_config(demanded("EMAIL_URL", "smtp+tls://user:password@host:587"))
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"] or "", _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "portal@" + ("demo.example" if DEMO else urlsplit(PORTAL_URL).hostname or ""))
POST_OFFICE = {
    "BACKENDS": {"default": _mail["EMAIL_BACKEND"]},
    "DEFAULT_PRIORITY": "medium",
    "MAX_RETRIES": 10_000,  # every two minutes for two weeks: no outage of a mail server loses a letter
    "RETRY_INTERVAL": timedelta(minutes=2),
    "LOG_LEVEL": 1,
    "THREADS_PER_PROCESS": 1,
    "MESSAGE_ID_ENABLED": True,
    "MESSAGE_ID_FQDN": urlsplit(PORTAL_URL).hostname or "localhost",
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.passwords.MaximumLengthValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "reset_password": "accounts.forms.ResetForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "email2*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
ACCOUNT_RATE_LIMITS = {"upload": "60/h/user", "ask_company": "30/h/user"}
if DEMO:  # dozens of demo people and test journeys come from one address
    ACCOUNT_RATE_LIMITS |= {
        "signup": "1000/m/ip",
        "login": "1000/m/ip",
        "confirm_email": "1000/m/ip",
        "login_failed": "20/5m/key,500/m/ip",
        "upload": "300/h/user",
        "ask_company": "300/h/user",
    }
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", not DEMO)

HUMAN_CHECK = env.str("HUMAN_CHECK", "altcha" if DEMO else "recaptcha")
if HUMAN_CHECK not in ("recaptcha", "altcha") and not (DEMO and HUMAN_CHECK == "off"):
    raise ImproperlyConfigured("HUMAN_CHECK must be recaptcha or altcha.")
if HUMAN_CHECK == "recaptcha":
    RECAPTCHA_PUBLIC_KEY = demanded(
        "RECAPTCHA_PUBLIC_KEY", "the site key from Google's reCAPTCHA console, or set HUMAN_CHECK=altcha"
    )
    RECAPTCHA_PRIVATE_KEY = demanded("RECAPTCHA_PRIVATE_KEY", "the secret key from Google's reCAPTCHA console")
else:
    SILENCED_SYSTEM_CHECKS = ["django_recaptcha.recaptcha_test_key_error"]
ALTCHA_HMAC_KEY = SECRET_KEY[::-1]

LANGUAGE_CODE = "ar"
LANGUAGES = [("ar", "العربية"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Riyadh"
FORMAT_MODULE_PATH = ["mumaris.kit.formats"]
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("fonts", VAR_DIR / "fonts")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEMO
STORAGE_DIR = Path(env.str("STORAGE_DIR", str(VAR_DIR / "files")))
UPLOAD_LIMIT = 5 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
CLAMD_URL = env.str("CLAMD_URL", "")

_keys = demanded("IDENTITY_KEYS", "PEPPER_HEX:FERNET_KEY[,OLDER_FERNET_KEY]").split(":")
IDENTITY_PEPPER = bytes.fromhex(_keys[0])
IDENTITY_FERNET_KEYS = [key for key in _keys[-1].split(",") if key and len(_keys) == 2]
if len(IDENTITY_PEPPER) < 16 or not IDENTITY_FERNET_KEYS:
    raise ImproperlyConfigured(
        "IDENTITY_KEYS must hold a pepper of at least 16 bytes in hex, a colon, and a Fernet key."
    )

MOYASAR_URL = env.str("MOYASAR_URL", "https://api.moyasar.com/v1").rstrip("/")
MOYASAR_SECRET_KEY = demanded("MOYASAR_SECRET_KEY", "the gateway's secret key, sk_live_…")
MOYASAR_WEBHOOK_SECRET = demanded("MOYASAR_WEBHOOK_SECRET", "the secret shared with the gateway's webhooks")
# Where the daily statement is fetched, {day} in it; unset, nothing is reconciled and an alarm says so (PAY-6).
MOYASAR_STATEMENT_URL = env.str("MOYASAR_STATEMENT_URL", "")
if MOYASAR_STATEMENT_URL and "{day}" not in MOYASAR_STATEMENT_URL:
    raise ImproperlyConfigured("MOYASAR_STATEMENT_URL must hold {day}, which becomes a day such as 2026-11-22.")
# Whose account refunds are transferred from; the demo's stands in no bank.
REFUND_DEBTOR = {
    "name": env.str("REFUND_DEBTOR_NAME", "Health Practitioner Portal"),
    "iban": demanded("REFUND_DEBTOR_IBAN", "the account that refunds are paid from", "SA0380000000608010167519"),
    "bic": demanded("REFUND_DEBTOR_BIC", "the bank of that account", "RJHISARI"),
}
GATEWAY_SIMULATOR_URL = env.str("GATEWAY_SIMULATOR_URL", "")
MAILBOX_URL = env.str("MAILBOX_URL", "")
# The verification company; unset, staff record its paper reports and nobody is asked for case numbers (DOC-3).
VERIFIER_URL = env.str("VERIFIER_URL", "").rstrip("/")
VERIFIER_KEY = demanded("VERIFIER_KEY", "the key to the verification company's API") if VERIFIER_URL else ""
VERIFIER_SIMULATOR_URL = env.str("VERIFIER_SIMULATOR_URL", "")
DEMO_PEOPLE = Path(env.str("DEMO_PEOPLE", str(VAR_DIR / "demo-people.txt")))
if not DEMO and (
    GATEWAY_SIMULATOR_URL
    or MAILBOX_URL
    or VERIFIER_SIMULATOR_URL
    or urlsplit(MOYASAR_URL).scheme != "https"
    or urlsplit(MOYASAR_STATEMENT_URL).scheme not in ("", "https")
    or urlsplit(VERIFIER_URL).scheme not in ("", "https")
):
    raise ImproperlyConfigured(
        "Simulators belong to the demo: unset GATEWAY_SIMULATOR_URL, MAILBOX_URL and VERIFIER_SIMULATOR_URL, and use "
        "an https MOYASAR_URL, MOYASAR_STATEMENT_URL and VERIFIER_URL."
    )

# Who sells, on a simplified tax invoice; without a VAT number no fee may be taxed (PAY-8).
VAT_NUMBER = env.str("VAT_NUMBER", "")
SELLER_NAME_AR = env.str("SELLER_NAME_AR", "سجل الممارسين الصحيين")
SELLER_NAME_EN = env.str("SELLER_NAME_EN", "Register of Health Practitioners")
if VAT_NUMBER and not re.fullmatch(r"3[0-9]{13}3", VAT_NUMBER):
    raise ImproperlyConfigured("VAT_NUMBER must have 15 digits and begin and end with 3.")
if not 0 < len(SELLER_NAME_AR.encode()) <= 255:
    raise ImproperlyConfigured("SELLER_NAME_AR must be a name of at most 255 bytes: it stands in the tax code.")

CONTACT = {
    "phone": env.str("CONTACT_PHONE", "920 000 000"),
    "post": env.str("CONTACT_POST", "00000"),
}

SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.int("TRUSTED_PROXY_COUNT", 0) else None
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_google = (
    ["https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"] if HUMAN_CHECK == "recaptcha" else []
)
_gateway = [f"{part.scheme}://{part.netloc}" for part in [urlsplit(GATEWAY_SIMULATOR_URL)] if part.netloc] or [
    "https://*.moyasar.com"
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, *_google],
        "frame-src": _google or [NONE],
        "worker-src": [SELF, "blob:"] if HUMAN_CHECK == "altcha" else [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF, *_gateway],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {"camera": [], "geolocation": [], "microphone": [], "payment": [], "usb": []}

PHONENUMBER_DEFAULT_REGION = "SA"
COUNTRIES_FIRST = ["SA"]
COUNTRIES_OVERRIDE = {"SA": _("Saudi Arabia")}
PGHISTORY_APPEND_ONLY = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
        "pypdf": {"level": "ERROR"},
    },
}
