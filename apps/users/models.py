"""People, automated parts that act in their own name, and desks."""

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
