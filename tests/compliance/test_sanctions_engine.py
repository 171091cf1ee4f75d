"""Names held against a sanctions list, without a database."""

from pathlib import Path

import pytest

from apps.compliance.engine import sanctions_files as files
from apps.compliance.engine.sanctions import ALIAS, EXACT, NEAR, NEAR_FROM, List, Party, normalised, pair

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "compliance" / "ofac_snapshot"
NATIONAL = Party(306, "BANCO NACIONAL DE CUBA", aliases=("NATIONAL BANK OF CUBA", "BNC"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Société Générale S.A.", "SOCIETE GENERALE"), ("Petróleos de Venezuela, S.A.", "petroleos de venezuela sa"),
        ("ПАО Газпром", "Gazprom PJSC"), ("Ørsted A/S", "Orsted AS"), ("Straße GmbH & Co. KG", "Strasse"),
        ("AT&T Inc.", "AT and T"), ("TAXI AEREO S.A. DE C.V.", "Taxi Aereo"), ("Nacional Banco de Cuba", "Banco Nacional de Cuba"),
        ("O'Brien's Ltd", "OBriens"), ("The Coca-Cola Company", "Coca Cola"), ("ＦＵＬＬ　ＷＩＤＴＨ Corp", "full width"),
    ],
)  # fmt: skip
def test_what_does_not_tell_names_apart(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("Alpha Bank", "Alpha Bank 2"), ("Group", "Holding"), ("Limited", "Inc"), ("", "Inc")])
def test_what_tells_them_apart(one, other):
    assert normalised(one) != normalised(other)


class TestMatches:
    ones = List([NATIONAL, Party(1, "AEROCARIBBEAN AIRLINES"), Party(2, "SEA STAR", "vessel"), Party(3, "IKHTIYAR, Hisham", "individual")])

    def told(self, name: str) -> list[tuple]:
        return [(m.party.uid, m.how, m.score) for m in self.ones.matches([name]).get(name, [])]

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("Banco Nacional de Cuba S.A.", [(306, EXACT, 100.0)]), ("National Bank of Cuba", [(306, ALIAS, 100.0)]),
            ("BNC Inc.", [(306, ALIAS, 100.0)]), ("Sea Star Ltd", [(2, EXACT, 100.0)]), ("Hisham Ikhtiyar", [(3, EXACT, 100.0)]),
            ("Apple Inc", []), ("BNB", []), ("Sea Stars", []), ("", []), ("Inc.", []),
        ],
    )  # fmt: skip
    def test_the_same_names(self, name, found):
        assert self.told(name) == found

    def test_one_letter_off_is_near_and_scored(self):
        ((uid, how, score),) = self.told("Aero-Caribean Airlines Corp.")
        assert (uid, how) == (1, NEAR)
        assert NEAR_FROM <= score < 100

    def test_the_score_decides_at_its_edge(self):
        assert self.told("Banco Nacional de Kuba")[0][1] == NEAR
        assert self.told("Banco Nacional") == []

    def test_each_party_is_met_once_by_its_nearest_name(self):
        ones = List([Party(7, "ALPHA TRADING", aliases=("ALPHA TRADINGS", "ALFA TRADING"))])
        (match,) = ones.matches(["Alpha Trading LLC"])["Alpha Trading LLC"]
        assert (match.how, match.called) == (EXACT, "ALPHA TRADING")

    def test_many_names_at_once_say_what_one_by_one_does(self):
        names = [f"Somebody {n}" for n in range(1_200)] + ["National Bank of Cuba", "Aerocaribean Airlines"]
        assert list(self.ones.matches(names)) == names[-2:]


def test_a_pair_is_another_where_either_is_called_otherwise():
    asked = pair("Alpha", NATIONAL)
    assert pair("ALPHA Inc.", NATIONAL) == asked
    assert pair("Alpha", NATIONAL._replace(programs="CUBA", remarks="more")) == asked
    assert pair("Beta", NATIONAL) != asked
    assert pair("Alpha", NATIONAL._replace(aliases=("BNC",))) != asked


class TestFiles:
    SDN = b'36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
    ALT = b'36,12,"aka","AERO-CARIBBEAN",-0- \n'

    def test_reads_who_is_on_it_and_what_they_are_called(self):
        add = b'36,25,-0- ,"Havana","Cuba",-0- \n\x1a\n'
        (party,), problems = files.read({"sdn.csv": self.SDN, "alt.csv": self.ALT + b"\x1a", "add.csv": add})
        assert problems == []
        assert party == Party(36, "AEROCARIBBEAN AIRLINES", "", "CUBA", "", ("AERO-CARIBBEAN",), ("Cuba",))

    def test_names_every_bad_row(self):
        sdn = self.SDN + self.SDN + b'x,"B",1,2\n' + b'y,"B",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
        sdn += b'37,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
        parties, problems = files.read({"sdn.csv": sdn, "alt.csv": self.ALT + b'99,1,"aka","NOBODY",-0- \n36,13,"aka",-0- ,-0- \n'})
        assert [(one.file, one.row) for one in problems] == [
            ("sdn.csv", 2), ("sdn.csv", 3), ("sdn.csv", 4), ("sdn.csv", 5), ("alt.csv", 2), ("alt.csv", 3),
        ]  # fmt: skip
        assert [party.uid for party in parties] == [36]

    @pytest.mark.parametrize(
        "given", [{}, {"sdn.csv": b"", "alt.csv": b""}, {"sdn.csv": b"\x81\x8d", "alt.csv": b""}, {"sdn.csv": b'"', "alt.csv": b""}]
    )
    def test_what_is_no_list_has_a_problem(self, given):
        parties, problems = files.read(given)
        assert (parties, bool(problems)) == ([], True)

    @pytest.mark.skipif(not REAL.is_dir(), reason="the snapshot of the OFAC list is not on this machine")
    def test_the_real_list_reads_and_finds_its_own(self):
        given = {name: (REAL / name).read_bytes() for name in files.SHAPES}
        parties, problems = files.read(given)
        assert len(parties) == 7379
        assert {one.file for one in problems} == {"alt.csv", "add.csv"}  # The snapshot is cut: some belong to nobody.
        found = List(parties).matches(["Banco Nacional de Cuba SA", "Apple Inc", "Aerocaribean Airlines"])
        assert [(name, hits[0].how, hits[0].party.uid) for name, hits in found.items()] == [
            ("Banco Nacional de Cuba SA", EXACT, 306), ("Aerocaribean Airlines", NEAR, 36),
        ]  # fmt: skip
