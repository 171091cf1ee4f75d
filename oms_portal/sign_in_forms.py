"""What a person is asked for at the door."""

from allauth.account.forms import LoginForm


class SignInForm(LoginForm):
    """The name is typed first, without a click."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autofocus"] = True
