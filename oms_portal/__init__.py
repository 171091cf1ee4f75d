"""The portal: three maps (urls, flow, roles), the settings, and the doors through which processes come in."""

from .celery import app as celery_app

__all__ = ["celery_app"]
