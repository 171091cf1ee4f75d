"""Django admin, under the portal's own role map."""

from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    default_site = "apps.users.back_office.BackOffice"
