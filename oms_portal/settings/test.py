"""
The test suite: servers of its own under a throw-away ``OMS_HOME``, which ``tests/conftest.py`` starts when a test first
asks for the database. Their addresses follow from the folder, so they are known before they run, and every process a
test starts finds them by the environment.
"""

import os
import tempfile
from pathlib import Path

from oms_portal import embedded

_worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")  # Tests run side by side, each process on servers of its own.
if os.environ.get("OMS_TEST_WORKER") != _worker:
    _home = Path(tempfile.mkdtemp(prefix=f"oms-test-{os.getpid()}-"))
    _home.chmod(0o711)  # PostgreSQL runs as another user where the suite runs as root.
    os.environ["OMS_TEST_HOME"], os.environ["OMS_TEST_WORKER"] = str(_home), _worker
    os.environ.update(embedded.Servers(_home, durable=False).environment())
os.environ["OMS_DB_POOL"] = "0"  # A pool would hold sessions open while the test database is dropped.

from .base import *  # noqa: E402, F403
from .base import OMS_HOME  # noqa: E402

ENVIRONMENT = "simulation"
DEBUG = False
SECRET_KEY = "only-for-tests-" + "k" * 50
AUDIT_SIGNING_KEY = "07" * 32
ALLOWED_HOSTS = ["*"]
RULES_NEED_FIXTURES = False  # Most tests put a rule in force to ask something else.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = OMS_HOME / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": OMS_HOME / "files"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
