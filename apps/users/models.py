"""People, automated parts that act in their own name, desks, and the tokens of other systems."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Desk(models.Model):
    """A trading desk: blocks queue on it, traders sit at it."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person, or a part of the system that acts by itself (``is_automated``), which can never sign in."""

    is_automated = models.BooleanField(default=False)
    desks = models.ManyToManyField(Desk, blank=True, related_name="people")

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class ApiToken(models.Model):
    """
    What another system shows to act as a person. Only its SHA-256 is kept: a copy of the database opens no door.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=40, help_text="the system that uses it")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="a_token_of_a_person_has_a_name_of_its_own")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
