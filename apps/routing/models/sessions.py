"""FIX sessions: who is at the other end, when and how they are met, and what they speak."""

from datetime import time

from django.db import models
from django.db.models import Q as Where

from apps.reference.models import Broker

from ..rules.schedules import Schedule, schedule_words


class Session(models.Model):
    """
    A FIX session: with a broker or dealer we route to, or with an upstream system that stages orders with us, of the
    people and portfolios it was granted (``Grant``). A simulated session can never reach a live one, nor the
    reverse.
    """

    class Environment(models.TextChoices):
        SIMULATION = "simulation"
        LIVE = "live"

    class Purpose(models.TextChoices):
        ROUTING = "ROUTING", "routing to a broker or dealer"
        STAGING = "STAGING", "orders from an upstream system"

    class BeginString(models.TextChoices):
        FIX42 = "FIX.4.2", "FIX 4.2"
        FIX44 = "FIX.4.4", "FIX 4.4"
        FIXT11 = "FIXT.1.1", "FIXT 1.1"

    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.ROUTING)
    broker = models.OneToOneField(Broker, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    begin_string = models.CharField("speaks", max_length=8, choices=BeginString.choices, default=BeginString.FIX44)
    appl_ver_id = models.CharField(
        "application version", max_length=2, choices=[("9", "FIX 5.0 SP2")], blank=True, default="",
        help_text="DefaultApplVerID (1137): what is said over FIXT 1.1; empty for FIX 4.2 and 4.4",
    )  # fmt: skip
    sender_comp_id = models.CharField(max_length=40)
    target_comp_id = models.CharField(max_length=40, unique=True)
    host = models.CharField(max_length=120)
    port = models.IntegerField()
    environment = models.CharField(max_length=10, choices=Environment.choices, default=Environment.SIMULATION)
    dials_in = models.BooleanField(
        default=False, help_text="staging: the upstream system calls us at this port, else we call it at host and port"
    )
    opens_at = models.TimeField(default=time(0), help_text="in its time zone")
    closes_at = models.TimeField(default=time(0), help_text="not after it opens: the day after")
    time_zone = models.CharField(max_length=40, default="UTC", help_text="of the counterparty's sessions: Europe/London")
    days = models.CharField(
        max_length=7, blank=True, default="", help_text="by day: on which it opens, Monday being 0: 01234; empty for a weekly session"
    )
    open_day = models.SmallIntegerField(
        null=True, blank=True, default=6, help_text="by week: the day it opens, from 0, Monday, to 6, Sunday"
    )
    close_day = models.SmallIntegerField(null=True, blank=True, default=6, help_text="by week: the day it closes")
    resets_on_logon = models.BooleanField(default=False, help_text="numbers begin at 1 with each logon (141=Y), else with each session")
    heartbeat_seconds = models.SmallIntegerField(default=10, help_text="HeartBtInt (108), 5 to 3600")
    reconnect_seconds = models.SmallIntegerField(default=1, help_text="between tries to connect, 1 to 600")
    uses_tls = models.BooleanField("TLS", default=False)
    tls_name = models.SlugField(
        max_length=40, blank=True, default="", help_text="folder of certificate.pem, key.pem and ca.pem under FIX_TLS_FOLDER"
    )
    opened_at = models.DateTimeField(null=True, help_text="when the session began whose numbers are in use")
    is_enabled = models.BooleanField(default=True)
    is_up = models.BooleanField(default=False)
    changed_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Where(purpose="ROUTING", broker__isnull=False, dials_in=False)
                | Where(purpose="STAGING", broker=None),
                name="a_session_is_a_brokers_or_an_upstream_systems",
            ),
            models.CheckConstraint(
                condition=Where(begin_string__in=["FIX.4.2", "FIX.4.4"], appl_ver_id="")
                | Where(begin_string="FIXT.1.1", appl_ver_id="9"),
                name="a_session_speaks_a_version_known_here",
                violation_error_message="FIXT 1.1 carries FIX 5.0 SP2: name it as application version, and only there.",
            ),
            models.CheckConstraint(
                condition=~Where(purpose="STAGING", begin_string="FIX.4.2"),
                name="an_upstream_system_speaks_fix_44_or_later",
                violation_error_message="An upstream system speaks FIX 4.4 or 5.0 SP2 with us.",
            ),
            models.CheckConstraint(
                condition=Where(days="", open_day__isnull=False, close_day__isnull=False, open_day__range=(0, 6), close_day__range=(0, 6))
                | (Where(days__regex="^0?1?2?3?4?5?6?$", open_day=None, close_day=None) & ~Where(days="")),
                name="a_session_opens_by_day_or_by_week",
                violation_error_message="Say the days on which it opens, or the two days of a weekly session, and not both.",
            ),
            models.CheckConstraint(
                condition=Where(heartbeat_seconds__range=(5, 3600), reconnect_seconds__range=(1, 600)),
                name="a_session_beats_and_tries_in_time",
                violation_error_message="It beats every 5 to 3600 seconds and tries again after 1 to 600.",
            ),
            models.CheckConstraint(
                condition=Where(uses_tls=False, tls_name="") | (Where(uses_tls=True) & ~Where(tls_name="")),
                name="tls_names_its_certificates",
                violation_error_message="With TLS name the folder of its certificates, and only then.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender_comp_id} → {self.target_comp_id}"

    @property
    def speaks(self) -> str:
        """The version in words."""
        over = self.get_begin_string_display()
        return f"{self.get_appl_ver_id_display()} over {over}" if self.appl_ver_id else over

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.opens_at, self.closes_at, self.time_zone, self.days, self.open_day, self.close_day)

    @property
    def hours(self) -> str:
        """When it is open, in words."""
        return schedule_words(self.schedule)

    @property
    def party(self) -> str:
        """Who is at the other end, in words."""
        return str(self.broker) if self.broker else f"{self.target_comp_id}, an upstream system"
