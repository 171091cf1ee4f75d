"""
Celery. Redis carries nudges, never the work: what is to be done stands in the database as an open promise, and a
sweep finds what a lost nudge left. So publishing gives up within a second, and a flushed Redis needs no repair: the
one queue is reached through the default exchange, which keeps no bindings in Redis.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_portal.settings.production")

app = Celery("oms_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
