# Makes hpack-vectors.jsonl: field sections as another implementation of HPACK encodes them (Debian's python3-hpack).
# Each line is a connection, a list of sections, each the wire as hex and its fields. Run it to make them anew:
#   /usr/bin/python3 test/wire/h2/hpack-vectors.py > test/wire/h2/hpack-vectors.jsonl

import json
import random

from hpack import Encoder
from hpack.hpack import HeaderTuple, NeverIndexedHeaderTuple
from hpack.table import HeaderTable

random = random.Random(7541)

names = "server content-type x-a x-a-name-of-some-length cookie date :path :status via etag vary".split() + [""]
fixed = ["", "text/html", "Mon, 21 Oct 2013 20:13:21 GMT", "no-cache", "a" * 200, "~" * 130]


def value():
    kind = random.randrange(4)
    if kind == 0:
        return "".join(chr(random.randrange(256)) for _ in range(random.randrange(30)))
    if kind == 1:
        return str(random.randrange(100))
    if kind == 2:
        return "".join(chr(random.randrange(32, 127)) for _ in range(random.randrange(40)))
    return random.choice(fixed)


def section(encoder, fields, huffman):
    tuples = []
    for name, text in fields:
        kind = NeverIndexedHeaderTuple if random.random() < 0.1 else HeaderTuple
        tuples.append(kind(name.encode("latin1"), text.encode("latin1")))
    return {"wire": encoder.encode(tuples, huffman=huffman).hex(), "fields": fields}


def everything(huffman):
    """Each entry of the static table, and each byte."""
    encoder = Encoder()
    static = [[name.decode(), text.decode()] for name, text in HeaderTable.STATIC_TABLE]
    return [
        section(encoder, static, huffman),
        section(encoder, [["x-byte", chr(code)] for code in range(256)], huffman),
        section(encoder, [["x-bytes", "".join(map(chr, range(256)))]], huffman),
    ]


def connection():
    encoder = Encoder()
    sections = []
    for _ in range(random.randrange(2, 12)):
        for chance in (0.2, 0.05):
            if random.random() < chance:
                encoder.header_table_size = random.choice([0, 40, 100, 500, 4096])
        fields = [[random.choice(names), value()] for _ in range(random.randrange(10))]
        sections.append(section(encoder, fields, random.random() < 0.6))
    return sections


for each in [everything(True), everything(False)] + [connection() for _ in range(30)]:
    print(json.dumps(each, separators=(",", ":")))
