"""Ways to damage a file, chosen and placed at random by a seed."""

from __future__ import annotations

from random import Random


def truncated(data: bytearray, random: Random, other: bytes) -> bytearray:
    return data[: random.randrange(len(data))]


def flipped(data: bytearray, random: Random, other: bytes) -> bytearray:
    for _ in range(random.choice((1, 3, 10, 100))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data


def flipped_head(data: bytearray, random: Random, other: bytes) -> bytearray:
    """Bytes of a header, which is at the beginning or, in MP4, at the end."""
    reach = min(400, len(data))
    for _ in range(random.choice((1, 2, 5))):
        place = random.randrange(reach)
        data[place if random.random() < 0.6 else len(data) - 1 - place] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
    return data


def overwritten(data: bytearray, random: Random, other: bytes) -> bytearray:
    length = random.choice((4, 16, 200, 1000))
    start = random.randrange(len(data))
    block = bytes(length) if random.random() < 0.5 else random.randbytes(length)
    data[start : start + length] = block[: len(data) - start]
    return data


def removed(data: bytearray, random: Random, other: bytes) -> bytearray:
    start = random.randrange(len(data))
    del data[start : start + random.choice((1, 4, 188, 1000))]
    return data


def inserted(data: bytearray, random: Random, other: bytes) -> bytearray:
    start, place = random.randrange(len(data)), random.randrange(len(data))
    block = data[start : start + random.choice((1, 188, 1000))] if random.random() < 0.5 else random.randbytes(50)
    data[place:place] = block
    return data


def spliced(data: bytearray, random: Random, other: bytes) -> bytearray:
    """The head of one file and the tail of another."""
    return data[: random.randrange(len(data))] + other[random.randrange(len(other)) :]


MUTATIONS = (truncated, flipped, flipped_head, overwritten, removed, inserted, spliced)


def mutated(seeds: dict[str, bytes], case: int) -> tuple[str, bytes]:
    """The file name and content of a case: one to three mutations of one of the seeds, the same every time."""
    random = Random(case)
    name = sorted(seeds)[case % len(seeds)]
    data = bytearray(seeds[name])
    for _ in range(random.choice((1, 1, 2, 3))):
        if data:
            other = seeds[random.choice(sorted(seeds))]
            data = bytearray(random.choice(MUTATIONS)(data, random, other))
    return name, bytes(data)
