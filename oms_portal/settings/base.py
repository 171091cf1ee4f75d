"""What is so in every place the portal runs. Whatever differs is asked of the environment by the three below it."""

import os
from decimal import Decimal
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from kombu import Exchange, Queue

from oms_portal.logs import logging_config
from oms_portal.settings.schedule import SCHEDULE

BASE_DIR = Path(__file__).resolve().parents[2]

# The portal's own maps.
FLOW = "oms_portal.flow.FLOW"
PROOFS = "oms_portal.proofs.PROOFS"
ROLES = "oms_portal.roles.ROLES"
LIVES = "oms_portal.lives.LIVES"
ENVIRONMENT = os.environ.get("OMS_ENVIRONMENT", "simulation")  # or "live": never do the two meet on one wire
OMS_HOME = Path(os.environ.get("OMS_HOME") or BASE_DIR / ".oms").expanduser().resolve()

INSTALLED_APPS = [
    "oms_portal.back_office.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "guardian",
    "import_export",
    "pgtrigger",
    "rest_framework",
    "simple_history",
    "template_partials",
    "apps.core",
    "apps.audit",
    "apps.users",
    "apps.reference",
    "apps.marketdata",
    "apps.portfolios",
    "apps.orders",
    "apps.compliance",
    "apps.surveillance",
    "apps.blocks",
    "apps.routing",
    "apps.algos",
    "apps.certification",
    "apps.allocations",
    "apps.crossing",
    "apps.groups",
    "apps.settlement",
    "apps.reporting",
    "apps.desk",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "oms_portal.streams.StreamMiddleware",
    "oms_portal.errors.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",  # Last: it turns the answer of a locked sign-in.
]

ROOT_URLCONF = "oms_portal.urls"
WSGI_APPLICATION = "oms_portal.wsgi.application"
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
                "oms_portal.streams.stream",
                "apps.desk.context.shell",
            ]
        },
    }
]

# --- PostgreSQL and Redis -------------------------------------------------------------------------------------------
REDIS_URL = os.environ.get("REDIS_URL", "")
DB_POOL = int(os.environ.get("OMS_DB_POOL", "12"))  # Connections a process may hold; 0 opens one per request.


def databases(url: str) -> dict:
    """``DATABASES`` for a URL. Persistent connections leak a connection a thread, so the pool lends them instead."""
    settings = dj_database_url.parse(url, conn_max_age=0, conn_health_checks=True)
    settings["ATOMIC_REQUESTS"] = False
    options = settings.setdefault("OPTIONS", {})
    options["application_name"] = os.environ.get("OMS_PROCESS", "oms")
    if DB_POOL:
        options["pool"] = {"min_size": 1, "max_size": DB_POOL, "timeout": 10, "max_idle": 120}
    return {"default": settings}


def broker_url(redis_url: str) -> str:
    """Celery's name for the same Redis: it spells a unix socket in its own way."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}?virtual_host={query.removeprefix('db=') or 0}"


DATABASES = databases(os.environ["DATABASE_URL"]) if os.environ.get("DATABASE_URL") else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Celery: Redis carries nudges, the database the promises --------------------------------------------------------
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.4,
    "socket_timeout": 0.8,  # With the connect timeout, the longest a dead Redis holds a web request.
    "visibility_timeout": 60,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 0.4
CELERY_BROKER_CONNECTION_RETRY = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "oms"
CELERY_TASK_DEFAULT_EXCHANGE = ""
CELERY_TASK_DEFAULT_ROUTING_KEY = "oms"
CELERY_TASK_QUEUES = [Queue("oms", Exchange("", type="direct"), routing_key="oms")]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # Its replies need bindings, which a flushed Redis has lost.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
FIX_TLS_FOLDER = Path(os.environ.get("FIX_TLS_FOLDER") or OMS_HOME / "fix-tls")
CELERY_BEAT_SCHEDULE_FILENAME = str(OMS_HOME / "beat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE = SCHEDULE

# --- Compliance -----------------------------------------------------------------------------------------------------
FIRM_TIME_ZONE = os.environ.get("OMS_FIRM_TIME_ZONE", "America/New_York")  # By which a day of the firm ends.
SANCTIONS_FOLDER = os.environ.get("OMS_SANCTIONS_FOLDER", "")  # Where sdn.csv, alt.csv and add.csv of OFAC are put; empty: none.
# Whether a rule is proposed only with a fixture that passes and one that fails. What it has must be green in any case.
RULES_NEED_FIXTURES = os.environ.get("OMS_RULES_NEED_FIXTURES", "1") == "1"
OVERRIDE_DAYS = int(os.environ.get("OMS_OVERRIDE_DAYS", "30"))  # The longest that an officer may let a finding stand.

# --- Surveillance -----------------------------------------------------------------------------------------------------
# How the firm reports beneficial ownership: QII, PASSIVE, EXEMPT or 13D.
OWNERSHIP_FILER = os.environ.get("OMS_OWNERSHIP_FILER", "QII")
SURVEILLANCE_HOUR = int(os.environ.get("OMS_SURVEILLANCE_HOUR", "22"))  # UTC; on weekdays the day's report is made from then on.

# --- Crosses: what the firm's 17a-7 procedures say ------------------------------------------------------------------
CROSS_QUOTE_SECONDS = int(os.environ.get("OMS_CROSS_QUOTE_SECONDS", "60"))  # The oldest quotation that counts as current.
CROSS_TOLERANCE_BP = os.environ.get("OMS_CROSS_TOLERANCE_BP", "25")  # How far the price may move between word and deed.
CROSS_MINUTES = int(os.environ.get("OMS_CROSS_MINUTES", "120"))  # How long a proposal stands.

# --- People ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # First: a locked-out sign-in is tried by none of the others.
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ANONYMOUS_USER_NAME = None  # Nobody is somebody: an unknown visitor holds no permission.

ACCOUNT_ADAPTER = "oms_portal.sign_in.PeopleAdapter"
ACCOUNT_FORMS = {"login": "oms_portal.sign_in_forms.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # An administrator enters people with their addresses.
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_ADAPTER = "allauth.mfa.adapter.DefaultMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "OMS Portal"
SOCIALACCOUNT_ADAPTER = "oms_portal.sign_in.DirectoryAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True  # The firm's directory vouches for the address of a person known here.
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {}
if os.environ.get("OIDC_SERVER_URL"):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "firm",
                "name": os.environ.get("OIDC_NAME", "Company sign-in"),
                "client_id": os.environ.get("OIDC_CLIENT_ID", ""),
                "secret": os.environ.get("OIDC_CLIENT_SECRET", ""),
                "settings": {"server_url": os.environ["OIDC_SERVER_URL"]},
            }
        ],
    }

AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = 0.25  # Hours.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "oms_portal.sign_in.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False

# Sessions stand in the database: a flushed Redis signs nobody out.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "oms_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "oms_csrf"
CSRF_COOKIE_HTTPONLY = False
CSRF_COOKIE_SAMESITE = "Lax"

# --- What a browser may do with our pages ---------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # data: for the QR code of a second factor.
        "font-src": [SELF],
        "connect-src": [SELF],  # StreamMiddleware adds the stream's port where it has one of its own.
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # A blotter's selection sends one version per row.
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- The live stream ------------------------------------------------------------------------------------------------
# One ASGI process serves it under this path. Behind a reverse proxy it shares the pages' origin; the demo has no
# proxy, so there STREAM_PORT names the port it stands on at the same host.
STREAM_PATH = "/stream/"
STREAM_PORT: int | None = None

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.users.doors.ByToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "oms_portal.errors.problem_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OMS Portal API",
    "DESCRIPTION": "Orders, checks, blocks, routes, allocations and settlement over the same services as the pages.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {  # Several fields are called “how”, several “kind”.
        "MatchedEnum": "apps.compliance.models.sanctions.MATCHED", "HowSplitEnum": "apps.blocks.rules.How",
        "HowSettledEnum": "apps.routing.services.WAYS",
        "BrokerTermKindEnum": "apps.portfolios.models.BrokerTerm.Kind",
    },  # fmt: skip
}

# --- Market data ----------------------------------------------------------------------------------------------------
BAR_SECONDS = float(os.environ.get("OMS_BAR_SECONDS", "5"))  # Length of the intervals in which market volume is kept.
BARS_KEPT_DAYS = int(os.environ.get("OMS_BARS_KEPT_DAYS", "30"))
# Of what trading is expected to cost: the constant of the square-root law, and how old a quote and an average volume may be.
RECONCILE_SECONDS = int(os.environ.get("OMS_RECONCILE_SECONDS", "20"))  # A broker has to say how its open orders stand.
HAND_TOLERANCE_BP = int(os.environ.get("OMS_HAND_TOLERANCE_BP", "50"))
HAND_MINUTES = int(os.environ.get("OMS_HAND_MINUTES", "5"))
IMPACT_Y = Decimal(os.environ.get("OMS_IMPACT_Y", "1"))
COST_QUOTE_SECONDS = int(os.environ.get("OMS_COST_QUOTE_SECONDS", "900"))
ALGO_QUOTE_SECONDS = int(os.environ.get("OMS_ALGO_QUOTE_SECONDS", "60"))  # How old a quote may be that tells the market's volume.
COST_VOLUME_DAYS = int(os.environ.get("OMS_COST_VOLUME_DAYS", "45"))
# The smallest sample from whose costs, realised beside expected, something follows.
COST_SAMPLE = int(os.environ.get("OMS_COST_SAMPLE", "20"))
MARKET_FEED = {
    "host": os.environ.get("MARKET_FEED_HOST") or os.environ.get("STREET_HOST", "127.0.0.1"),
    "port": int(os.environ.get("MARKET_FEED_PORT") or os.environ.get("STREET_PORT", "9880")),
    "sender": os.environ.get("MARKET_FEED_SENDER", "OMS-SIM"),
    "target": os.environ.get("MARKET_FEED_TARGET", "SIMX"),
}

UPSTREAM_PORT = int(os.environ.get("UPSTREAM_PORT") or 0)  # The demo's upstream system calls us here; 0: there is none.

# --- Time, words, files ---------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = OMS_HOME / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "oms@localhost")
LOGGING_CONFIG = "oms_portal.logs.configure"
LOGGING = logging_config(style="lines", level=os.environ.get("OMS_LOG_LEVEL", "WARNING"))
