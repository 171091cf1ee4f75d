"""Who may come in: people an administrator entered, by password or by the firm's directory. Nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class PeopleAdapter(DefaultAccountAdapter):
    """Accounts are made in the admin only."""

    def is_open_for_signup(self, request) -> bool:
        return False


class DirectoryAdapter(DefaultSocialAccountAdapter):
    """The directory (OpenID Connect) says who somebody is; only those already known here come in."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return False
