"""How other systems sign in: a token for a password, or from the page; and what ends it."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.users import services
from apps.users.models import ApiToken, User

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/token/"  # noqa: S105
LOOK = "/api/v1/instruments/"


def ask(username: str = "tom", password: str = "tom-demo-2bn", **more):
    return APIClient().post(TOKEN, {"username": username, "password": password, **more}, format="json")


def answers_to(key: str, url: str = LOOK) -> int:
    return APIClient().get(url, headers={"Authorization": f"Token {key}"}).status_code


class TestByPassword:
    def test_gives_a_token_that_acts_under_the_persons_name_with_their_role(self, firm, tom):
        answer = ask(name="risk")

        assert answer.status_code == 201
        key = answer.json()["token"]
        assert answers_to(key) == 200
        assert answers_to(key, "/api/v1/reviews/") == 403
        assert APIClient().get(LOOK).status_code == 401

    def test_keeps_the_hash_alone_and_puts_it_on_the_record(self, tom):
        key = ask(name="risk").json()["token"]

        kept = ApiToken.objects.get()
        assert (kept.user, kept.name, len(kept.digest)) == (tom, "risk", 64)
        assert key not in kept.digest
        entry = Entry.objects.select_related("act").get(subject="person")
        assert (entry.event, entry.payload, entry.act.by_id, entry.act.via) == (
            "person.token_made", {"name": "risk"}, tom.pk, "api"
        )  # fmt: skip

    def test_another_of_the_same_name_ends_the_first_and_leaves_the_others(self, firm, tom):
        first, second, other = (ask(name=name).json()["token"] for name in ("risk", "risk", "ledger"))

        assert [answers_to(key) for key in (first, second, other)] == [401, 200, 200]

    @pytest.mark.parametrize("name, password", [("tom", "wrong"), ("nobody", "tom-demo-2bn"), ("worker", "!")])
    def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(self, people, name, password):
        answer = ask(name, password)

        assert (answer.status_code, answer.json()["detail"]) == (401, "No person has this name and password.")
        assert not ApiToken.objects.exists()

    def test_who_is_switched_off_gets_none_and_their_token_opens_nothing(self, firm, tom):
        key = ask().json()["token"]
        User.objects.filter(pk=tom.pk).update(is_active=False)

        assert (ask().status_code, answers_to(key)) == (401, 401)

    def test_a_missing_password_is_said_beside_its_field(self, tom):
        answer = APIClient().post(TOKEN, {"username": "tom"}, format="json")

        assert answer.status_code == 422
        assert list(answer.json()["facts"]["fields"]) == ["password"]

    def test_after_six_wrong_passwords_it_is_shut_even_to_the_right_one_here_and_on_the_page(self, tom):
        assert [ask(password="wrong").status_code for _ in range(6)] == [401] * 5 + [429]

        answer = ask()

        assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
        assert "too many wrong passwords" in answer.json()["detail"]
        assert answer["Retry-After"] == "900"
        page = Client().post(reverse("account_login"), {"login": "tom", "password": "tom-demo-2bn"})
        assert (page.status_code, "Sign-in is closed" in page.content.decode()) == (429, True)
        assert not ApiToken.objects.exists()

    def test_a_right_password_forgets_the_wrong_ones_before_it(self, tom):
        for _ in range(2):
            assert [ask(password="wrong").status_code for _ in range(5)] == [401] * 5
            assert ask().status_code == 201

    def test_who_has_a_second_factor_is_told_to_make_it_on_the_page(self, tom):
        TOTP.activate(tom, generate_totp_secret())

        answer = ask()

        assert (answer.status_code, answer.json()["code"]) == (403, "needs_second_factor")
        assert "Sign in on the page and make one" in answer.json()["detail"]
        assert not ApiToken.objects.exists()


class TestOnThePage:
    @pytest.fixture
    def browser(self, tom) -> Client:
        """Tom's, in which he gave his password just now."""
        client = Client()
        client.force_login(tom)
        client.post(reverse("account_reauthenticate"), {"password": "tom-demo-2bn"})
        return client

    def test_shows_a_new_token_once(self, firm, browser):
        page = browser.post(reverse("users:tokens"), {"name": "ledger"})
        key = page.context["made"]
        assert key in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        assert answers_to(key) == 200
        again = browser.get(reverse("users:tokens")).content.decode()
        assert (key in again, "ledger" in again) == (False, True)

    def test_asks_for_the_password_again_and_then_goes_on(self, firm, tom):
        client = Client()
        client.force_login(tom)

        answer = client.post(reverse("users:tokens"), {"name": "ledger"})

        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, reverse("account_reauthenticate"))
        assert not ApiToken.objects.exists()
        page = client.post(answer["Location"], {"password": "tom-demo-2bn", "next": reverse("users:tokens")})
        assert answers_to(page.context["made"]) == 200

    def test_needs_a_name(self, browser):
        page = browser.post(reverse("users:tokens"), {"name": " "})

        assert (page.status_code, "Name the system" in page.content.decode()) == (422, True)

    def test_ends_ones_own_and_nobody_elses(self, firm, browser, tess, by):
        mine = browser.post(reverse("users:tokens"), {"name": "ledger"}).context["made"]
        hers = services.make_token(by(tess), "ledger")

        for token in ApiToken.objects.all():
            browser.post(reverse("users:end_token", args=[token.pk]))

        assert (answers_to(mine), answers_to(hers)) == (401, 200)

    def test_a_new_password_of_ones_own_ends_them_all_and_is_on_the_record(self, firm, browser, tom):
        key = browser.post(reverse("users:tokens"), {"name": "ledger"}).context["made"]
        new = "another long password"

        browser.post(
            reverse("account_change_password"), {"oldpassword": "tom-demo-2bn", "password1": new, "password2": new}
        )

        assert User.objects.get(pk=tom.pk).check_password(new)
        assert answers_to(key) == 401
        life = Entry.objects.filter(subject="person", subject_id=tom.pk).order_by("nth").values_list("event", flat=True)
        assert list(life) == ["person.token_made", "person.password_set"]
