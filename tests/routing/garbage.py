"""What a broken counterparty may put on the wire: real reports cut, mutilated and mislabelled, and noise. Seeded."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

SOH = b"\x01"
REQUIRED = (b"35", b"34", b"49", b"52", b"56", b"37", b"17", b"150", b"39", b"11", b"55", b"54", b"14", b"151")
NUMBERS = (b"abc", b"-1", b"0", b"", b"1e5", b"NaN", b"inf", b"--1", b"1.2.3", b"99999999999999999999999999", b"\xd9\xa3", b"0x10", b"1_0")
TIMES = (b"yesterday", b"20261399-99:99:99", b"20260101", b"", b"0000", b"99999999-00:00:00.000000000000")
TYPES = (b"ZZ", b"U1", b"", b"88888888888888888888", b"\xc3\xa9", b"\xff", b"8 ", b"*", b"BE", b"j", b"9", b"S", b"AI", b"N", b"6", b"AK")
COUNTS = (b"3", b"-1", b"0", b"99999999999", b"x", b"")


def fields_of(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Without the framing: BeginString, BodyLength and CheckSum."""
    pairs = [part.partition(b"=") for part in raw.split(SOH) if part]
    return [(tag, value) for tag, _, value in pairs if tag not in (b"8", b"9", b"10")]


def framed(fields: list[tuple[bytes, bytes]], begin: bytes = b"FIX.4.4", length: bytes | None = None) -> bytes:
    body = b"".join(tag + b"=" + value + SOH for tag, value in fields)
    head = b"8=" + begin + SOH + b"9=" + (b"%d" % len(body) if length is None else length) + SOH
    return head + body + b"10=%03d" % (sum(head + body) % 256) + SOH


class Garbage:
    """Draws what to say in place of a report. Sequence numbers that are legible are those it was given."""

    def __init__(self, seed: int):
        self.draw = random.Random(seed)

    def kinds(self) -> dict[str, Callable[[bytes], bytes]]:
        return {
            name[4:]: getattr(self, name) for name in sorted(dir(self)) if name.startswith("say_")
        }  # fmt: skip

    def put(self, raw: bytes, tags, values) -> bytes:
        fields = fields_of(raw)
        tag, value = self.draw.choice(tags), self.draw.choice(values)
        return framed([(t, value if t == tag else v) for t, v in fields])

    def say_flipped_bytes(self, raw: bytes) -> bytes:
        said = bytearray(raw)
        for _ in range(self.draw.randint(1, 5)):
            said[self.draw.randrange(len(said))] = self.draw.randrange(256)
        return bytes(said)

    def say_wrong_checksum(self, raw: bytes) -> bytes:
        wrong = self.draw.choice((b"999", b"abc", b"", b"1", b"%03d" % ((int(raw[-4:-1]) + 1) % 256)))
        return raw[:-4] + wrong + SOH

    def say_wrong_length(self, raw: bytes) -> bytes:
        fields = fields_of(raw)
        true = sum(len(t) + len(v) + 2 for t, v in fields)
        wrong = (true + 1, true - 1, true + 40, true // 2, 0, -5)
        return framed(fields, length=self.draw.choice([b"%d" % n for n in wrong] + [b"abc", b"", b"1e3", b"99999999999999999999"]))

    def say_cut(self, raw: bytes) -> bytes:
        return raw[: self.draw.randrange(1, len(raw))]

    def say_cut_front(self, raw: bytes) -> bytes:
        return raw[self.draw.randrange(1, len(raw)) :]

    def say_missing_tag(self, raw: bytes) -> bytes:
        gone = set(self.draw.sample(REQUIRED, self.draw.randint(1, 3)))
        return framed([(t, v) for t, v in fields_of(raw) if t not in gone])

    def say_wrong_number(self, raw: bytes) -> bytes:
        return self.put(raw, (b"14", b"151", b"6", b"32", b"31", b"38", b"44", b"54"), NUMBERS)

    def say_wrong_sequence(self, raw: bytes) -> bytes:
        return self.put(raw, (b"34",), (b"abc", b"-1", b"", b"1e5", b"\xd9\xa3", b"1_0"))

    def say_wrong_time(self, raw: bytes) -> bytes:
        return self.put(raw, (b"52", b"60"), TIMES)

    def say_wrong_state(self, raw: bytes) -> bytes:
        return self.put(raw, (b"150", b"39"), (b"!", b"FF", b"", b"\xff", b"?" * 300))

    def say_unknown_type(self, raw: bytes) -> bytes:
        return self.put(raw, (b"35",), TYPES)

    def say_false_group(self, raw: bytes) -> bytes:
        group = [(b"453", self.draw.choice(COUNTS)), (b"448", b"X"), (b"447", b"D"), (b"452", b"1")]
        if self.draw.random() < 0.5:
            group.insert(0, (b"382", self.draw.choice(COUNTS)))
        return framed(fields_of(raw) + group[: self.draw.randint(1, len(group))])

    def say_not_ascii(self, raw: bytes) -> bytes:
        said = self.draw.choice((b"\xff\xfe\x00", "ñ漢字🎉".encode(), b"\xc3\x28", b"\x00\x00", b"|\\|", b"<script>", b"\xed\xa0\x80"))
        return self.put(raw, (b"17", b"37", b"11", b"58", b"55", b"60", b"35"), (said,))

    def say_huge(self, raw: bytes) -> bytes:
        fields = fields_of(raw)
        much = self.draw.choice((
            [(b"58", b"x" * 1_000_000)], [(b"17", b"E" * 100_000)], [(b"11", b"C" * 100_000)], [(b"37", b"O" * 20_000)],
            [(b"9" * 30, b"1")], [(b"%d" % n, b"1") for n in range(10_000, 20_000)], [(b"58", b"1")] * 5_000,
            [(b"14", b"9" * 50_000)], [(b"75", b"2" * 5_000)],
        ))  # fmt: skip
        return framed([pair for pair in fields if pair[0] not in {t for t, _ in much}] + much)

    def say_noise(self, raw: bytes) -> bytes:
        return self.draw.choice((
            self.draw.randbytes(self.draw.randint(1, 2_000)), SOH * 50, b"8=FIX.4.4" + SOH + b"9=", b"10=000" + SOH, b"=" * 40 + SOH,
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"8=" * 100, b"\x16\x03\x01\x02\x00\x01", b"{}\n", raw[::-1],
        ))  # fmt: skip

    def say_other_version(self, raw: bytes) -> bytes:
        return framed(fields_of(raw), begin=self.draw.choice((b"FIX.9.9", b"FIXT.1.1", b"", b"fix")))

    def say_in_disorder(self, raw: bytes) -> bytes:
        fields = fields_of(raw)
        self.draw.shuffle(fields)
        return framed(fields)

    def say_other_names(self, raw: bytes) -> bytes:
        return self.put(raw, (b"49", b"56"), (b"NOBODY", b"", b"\xff"))


def now_text() -> bytes:
    return f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3].encode()
