"""manage.py market_feed: takes the venue's prices in until it is told to stop (Ctrl-C or SIGTERM)."""

import signal

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.marketdata.feed import Feed
from apps.marketdata.venue import Session


class Command(BaseCommand):
    help = "Subscribe to every active instrument and exchange rate at the venue, and keep quotes, bars and rates."

    def add_arguments(self, parser):
        where = settings.MARKET_FEED
        parser.add_argument("--host", default=where["host"], help="of the venue (MARKET_FEED_HOST, STREET_HOST)")
        parser.add_argument("--port", type=int, default=where["port"], help="of the venue (MARKET_FEED_PORT, STREET_PORT)")
        parser.add_argument("--sender", default=where["sender"], help="our CompID")
        parser.add_argument("--target", default=where["target"], help="the venue's CompID")

    def handle(self, *, host, port, sender, target, **options):
        session = Session(
            settings.OMS_HOME / "fix_feed",
            host=host, port=port, sender=sender, target=target, live=settings.ENVIRONMENT == "live",
        )  # fmt: skip
        feed = Feed(session, source=target)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: feed.stop())
        feed.run()
