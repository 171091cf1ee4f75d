"""People in the back office: who enters them, what is kept on the record, and that nobody promotes themselves."""

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from apps.audit.models import Entry
from apps.users import services
from apps.users.models import ApiToken, Desk, User
from tests.back_office import save

pytestmark = pytest.mark.django_db
PEOPLE = "admin:users_user"
PASSWORD = "a long enough password"  # noqa: S105


@pytest.fixture
def office(alan, client) -> Client:
    """The administrator's browser."""
    client.force_login(alan)
    return client


def entered(**changes) -> dict:
    """A trader as the form is filled in; None leaves a field out."""
    form = {
        "username": "tina", "first_name": "Tina", "last_name": "Tse", "email": "tina@example.com",
        "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD, "roles": ["trader"],
        "desks": [Desk.objects.get(code="MAIN").pk], "is_active": "on",
    }  # fmt: skip
    return {name: value for name, value in (form | changes).items() if value is not None}


def as_is(person: User, **changes) -> dict:
    form = {
        "username": person.username, "first_name": person.first_name, "last_name": person.last_name,
        "email": person.email, "is_active": "on" if person.is_active else None,
        "is_staff": "on" if person.is_staff else None,
        "roles": sorted(services.groups_of(person) & services.role_permissions().keys()),
        "teams": sorted(n.removeprefix("team:") for n in services.groups_of(person) if n.startswith("team:")),
        "desks": [desk.pk for desk in person.desks.all()],
    }  # fmt: skip
    return {name: value for name, value in (form | changes).items() if value is not None}


def the_life_of(person: User) -> list[tuple[str, int]]:
    return list(
        Entry.objects.filter(subject="person", subject_id=person.pk).order_by("nth").values_list("event", "nth")
    )


class TestDoor:
    @pytest.mark.parametrize("name", ["mira", "tom", "omar", "olga", "ada"])
    def test_only_who_keeps_people_sees_them_even_among_staff(self, people, client, name):
        User.objects.filter(username=name).update(is_staff=True, is_superuser=True)
        client.force_login(User.objects.get(username=name))

        for url in (
            reverse(f"{PEOPLE}_changelist"), reverse(f"{PEOPLE}_add"), reverse(f"{PEOPLE}_change", args=[people["tom"].pk]),
            reverse("admin:auth_user_password_change", args=[people["tom"].pk]), reverse("admin:users_desk_changelist"),
        ):  # fmt: skip
            assert client.get(url).status_code == 403, url

    def test_lists_everybody_with_what_they_may_do_in_a_fixed_number_of_queries(
        self, office, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(20):
            page = office.get(reverse(f"{PEOPLE}_changelist")).content.decode()

        assert "compliance officer" in page
        assert "Tom Tran" in page

    def test_nobody_is_deleted(self, office, tom):
        assert office.post(reverse(f"{PEOPLE}_delete", args=[tom.pk]), {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=tom.pk).exists()


class TestEntering:
    def test_a_person_signs_in_with_the_password_and_does_what_the_roles_say(self, office, alan):
        assert office.post(reverse(f"{PEOPLE}_add"), entered()).status_code == 302

        tina = User.objects.get(username="tina")
        assert tina.check_password(PASSWORD)
        assert (services.roles_of(tina), services.can(tina, "routing.route")) == ({"trader"}, True)
        assert [desk.code for desk in tina.desks.all()] == ["MAIN"]
        entry = Entry.objects.select_related("act").get(subject="person", subject_id=tina.pk)
        assert (entry.event, entry.act.by_id, entry.payload["roles"]) == ("person.entered", alan.pk, "trader")
        assert LogEntry.objects.get(object_id=str(tina.pk)).user == alan

    def test_a_team_may_be_made_with_the_first_of_its_managers(self, office):
        office.post(
            reverse(f"{PEOPLE}_add"), entered(roles=["portfolio manager"], teams=["A"], new_team="C", desks=None)
        )

        assert services.groups_of(User.objects.get(username="tina")) == {"portfolio manager", "team:A", "team:C"}

    @pytest.mark.parametrize(
        "changes, field, why",
        [
            ({"password1": "short", "password2": "short"}, "password2", "too short"),
            ({"password2": "a different password"}, "password2", "match"),
            ({"username": "tom"}, "username", "already exists"),
            ({"roles": ["automated"]}, "roles", "not one of the available choices"),
            ({"roles": ["king"]}, "roles", "not one of the available choices"),
            ({"new_team": "<b>"}, "new_team", "Letters, digits"),
        ],
    )
    def test_a_bad_one_is_refused_beside_the_field_and_nobody_is_entered(self, office, changes, field, why):
        answer = office.post(reverse(f"{PEOPLE}_add"), entered(**changes))

        assert why in " ".join(answer.context["adminform"].errors[field])
        assert not User.objects.filter(username="tina").exists()


class TestChanging:
    def test_takes_roles_teams_and_desks_as_they_are_ticked(self, office, tom):
        save(
            office, reverse(f"{PEOPLE}_change", args=[tom.pk]), as_is(tom, roles=["operations"], desks=None, is_active=None)
        )

        tom = User.objects.get(pk=tom.pk)
        assert (services.groups_of(tom), tom.is_active, tom.desks.count()) == ({"operations"}, False, 0)
        assert the_life_of(tom) == [("person.changed", 1)]

    def test_who_is_switched_off_is_out_at_once(self, office, tom):
        his = Client()
        his.force_login(tom)
        assert his.get("/").status_code == 200

        save(office, reverse(f"{PEOPLE}_change", args=[tom.pk]), as_is(tom, is_active=None))

        assert his.get("/").status_code == 302

    @pytest.mark.parametrize(
        "changes", [{"roles": ["administrator", "trader"]}, {"roles": None}, {"teams": ["A"]}, {"new_team": "C"}]
    )
    def test_nobody_changes_their_own_roles_or_teams(self, office, alan, changes):
        answer = save(office, reverse(f"{PEOPLE}_change", args=[alan.pk]), as_is(alan, **changes))

        assert "ask another administrator" in str(answer.context["adminform"].errors)
        assert services.groups_of(User.objects.get(pk=alan.pk)) == {"administrator"}
        assert the_life_of(alan) == []

    @pytest.mark.parametrize("changes", [{"is_active": None}, {"is_staff": None}])
    def test_nobody_shuts_themselves_out(self, office, alan, changes):
        answer = save(office, reverse(f"{PEOPLE}_change", args=[alan.pk]), as_is(alan, **changes))

        assert "shuts themselves out" in str(answer.context["adminform"].errors)
        assert User.objects.get(pk=alan.pk).is_active

    def test_their_own_name_they_may_change(self, office, alan):
        assert (
            save(office, reverse(f"{PEOPLE}_change", args=[alan.pk]), as_is(alan, last_name="Arden")).status_code == 302
        )
        assert User.objects.get(pk=alan.pk).last_name == "Arden"

    def test_the_service_refuses_own_roles_too(self, alan, by):
        with pytest.raises(services.OwnRoles):
            services.keep_person(by(alan), alan, roles=["administrator", "trader"], teams=[], desks=[])

        assert services.groups_of(alan) == {"administrator"}
        assert the_life_of(alan) == []

    def test_the_service_refuses_who_does_not_keep_people(self, tom, olga, by):
        with pytest.raises(services.NotAllowed):
            services.keep_person(by(olga), tom, roles=["operations"], teams=[], desks=[])

        assert services.groups_of(tom) == {"trader"}

    def test_parts_that_act_by_themselves_are_only_looked_at(self, office, alan, by):
        worker = User.objects.get(username="worker")
        url = reverse(f"{PEOPLE}_change", args=[worker.pk])

        assert "worker" in office.get(url).content.decode()
        assert office.post(url, as_is(worker, roles=["administrator"])).status_code == 403
        assert office.get(reverse("admin:auth_user_password_change", args=[worker.pk])).status_code == 403
        with pytest.raises(services.AutomatedPart):
            services.set_password(by(alan), worker, PASSWORD)
        with pytest.raises(services.AutomatedPart):
            services.keep_person(by(alan), worker, roles=["administrator"], teams=[], desks=[])
        assert not User.objects.get(pk=worker.pk).has_usable_password()


class TestPassword:
    def test_another_password_voids_the_old_one_and_the_tokens(self, office, tom, by):
        services.make_token(by(tom), "risk system")

        answer = office.post(
            reverse("admin:auth_user_password_change", args=[tom.pk]),
            {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD, "set-password": "Set"},
        )

        assert answer.status_code == 302
        assert User.objects.get(pk=tom.pk).check_password(PASSWORD)
        assert not ApiToken.objects.exists()
        assert the_life_of(tom) == [("person.token_made", 1), ("person.password_set", 2)]

    def test_it_can_be_switched_off_for_who_signs_in_by_the_directory(self, office, tom):
        office.post(
            reverse("admin:auth_user_password_change", args=[tom.pk]),
            {"usable_password": "false", "unset-password": "Disable"},
        )

        assert not User.objects.get(pk=tom.pk).has_usable_password()


class TestFirstAdministrator:
    def test_is_entered_where_there_is_none(self, people, alan, by):
        User.objects.filter(pk=alan.pk).update(is_active=False)

        first = services.enter_first_administrator(by("loader"), User(username="root"))

        assert (services.roles_of(first), first.is_staff, first.is_superuser) == ({"administrator"}, True, False)
        assert the_life_of(first) == [("person.entered", 1)]

    def test_is_refused_where_there_is_one(self, alan, by):
        with pytest.raises(services.HasAdministrator):
            services.enter_first_administrator(by("loader"), User(username="root"))

        assert not User.objects.filter(username="root").exists()

    def test_by_command_with_a_password_that_is_good_enough(self, people, alan, monkeypatch):
        User.objects.filter(pk=alan.pk).update(is_active=False)

        for typed, why in (("short", "too short"), (PASSWORD, "")):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
            if why:
                with pytest.raises(CommandError, match=why):
                    call_command("first_administrator", "root")
                assert not User.objects.filter(username="root").exists()
            else:
                call_command("first_administrator", "root", stdout=io.StringIO())

        assert User.objects.get(username="root").check_password(PASSWORD)
        with pytest.raises(CommandError, match="administrator already"):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
            call_command("first_administrator", "other")
