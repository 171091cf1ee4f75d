"""The portal: three maps (urls, flow, roles), the settings, and the doors through which processes come in."""

import gc

from .celery import app as celery_app

__all__ = ["celery_app"]

# A basket is many small tuples that all live to its end: looking through them for circles again and again took a
# seventh of the time of 8,500 orders.
gc.set_threshold(100_000, 50, 50)
