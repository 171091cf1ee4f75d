"""manage.py first_administrator NAME: who enters everybody else in the back office."""

import getpass
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act
from apps.core.refusals import Refusal
from apps.users import services
from apps.users.models import User


class Command(BaseCommand):
    help = "Enter the first administrator. The password is asked for, or read from the first line of standard input."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--email", default="")

    def handle(self, *, username, email, **options):
        if User.objects.filter(username=username).exists():
            raise CommandError(f"There is a person “{username}” already; choose another name.")
        person = User(username=username, email=email)
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, person)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        person.set_password(password)
        act = Act(by=automated_id("loader"), at=timezone.now(), via="command", reason="Enter the first administrator")
        try:
            services.enter_first_administrator(act, person)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{username} may sign in and enter people at /admin/.")
