# SPDX-License-Identifier: Apache-2.0
"""fields.py - bodies made from a schema: one that is right, with one thing in
it changed

The schema itself says whether a changed body is right; the server has to agree.
"""
import json

# Of every kind that JSON has, with the numbers where widths end.
VALUES = [None, True, False, 0, 1, -1, 1.0, 1.5, 3, 2**31, 2**32, 2**63 - 1,
          2**63, 2**64, "", "x", "1", "true", "a\0b", "\u00e9" * 200, "x" * 3000,
          [], [0], ["0"], [1.0], [-1], [1024], [0] * 33, [None], {}, {"x": 1},
          {"x": "y"}]

# Names that are cut somewhere in an error text, in the middle of a character.
NAMES = ["unknown", "", " ", "a" + "\u00e9" * 100, "\U0001f600" * 80,
         "x" * 2000]

NO_OBJECTS = [b"null", b"[]", b"true", b"1", b"1.5", b'"x"', b"[{}]"]
NO_JSON = [b"{", b"}", b"{}x", b"{,}", b"{'a':1}", b"nul", b"\xff",
           b'{"a":"\xff"}', b"[" * 5000, b"{}{}", b"\0", b'{"a":01}']


def parts(description, schema):
    """Every schema that applies to the same value, itself included."""
    yield schema
    if "$ref" in schema:
        yield from parts(description, description.resolve(
            {"$ref": schema["$ref"]}))
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, []):
            yield from parts(description, part)


def properties(description, schema):
    """Field -> list of its schemas."""
    found = {}
    for part in parts(description, schema):
        for name, field in part.get("properties", {}).items():
            found.setdefault(name, []).append(field)
    return found


def at_limits(part):
    """Just inside and just outside of what one schema allows."""
    for key, outside in (("minimum", -1), ("maximum", 1)):
        if key in part:
            yield from (part[key], part[key] + outside, float(part[key]))
    for key, outside in (("minLength", -1), ("maxLength", 1)):
        if key in part:
            yield from ("x" * part[key], "x" * (part[key] + outside))
    for word in [*part.get("enum", []), *[part[key] for key in ("const",)
                                          if key in part]]:
        yield word
        if isinstance(word, str):
            yield from (word.swapcase(), word + "x", word[:-1], [word])


def values(description, schemas):
    """What to put into a field; the same value only once."""
    seen = set()
    candidates = list(VALUES)
    for schema in schemas:
        for part in parts(description, schema):
            candidates += at_limits(part)
    for value in candidates:
        key = json.dumps(value)
        if key not in seen:
            seen.add(key)
            yield value


def changed(description, schema, body):
    """(what was done, body) with one field, here or further in, changed."""
    for name, schemas in properties(description, schema).items():
        if name in body:
            yield f"without {name}", {k: v for k, v in body.items()
                                      if k != name}
            yield f"{name.upper()} for {name}", {
                (k.upper() if k == name else k): v for k, v in body.items()}
        for value in values(description, schemas):
            yield f"{name}={value!r:.40}", {**body, name: value}
        if not isinstance(body.get(name), dict):
            continue
        inner = [part for field in schemas
                 for part in parts(description, field) if "properties" in part]
        for part in inner[:1]:
            for what, value in changed(description, part, body[name]):
                yield f"{name}: {what}", {**body, name: value}
    for name in NAMES:
        yield f"also {name!r:.40}", {**body, name: 1}


def repeated(body):
    """(field, bytes) with one field there twice."""
    for name, value in body.items():
        again = json.dumps({name: value})[1:]
        yield name, f"{json.dumps(body)[:-1]},{again}".encode()
        if isinstance(value, dict):
            for inner, data in repeated(value):
                rest = {k: v for k, v in body.items() if k != name}
                start = json.dumps(rest)[:-1] + ("," if rest else "")
                yield f"{name}.{inner}", (
                    f'{start}"{name}":'.encode() + data + b"}")
