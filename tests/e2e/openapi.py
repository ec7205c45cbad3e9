"""The API's own description, used against it: finds the operation of a request, and says where an answer differs.

Reads the part of JSON Schema (2020-12) that the description uses; a keyword it does not know is a fault, so that
nothing goes unchecked. Standard library only.
"""
import datetime
import json
import re

NOTES = {"description"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Description:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]
        self.operations = []
        for path, item in document["paths"].items():
            pattern = re.compile("^" + re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)) + "$")
            for method, operation in item.items():
                self.operations.append((method.upper(), path, pattern, operation))

    def find(self, method, path):
        path = path.partition("?")[0]
        found = [o for o in self.operations if o[0] == method and o[2].match(path)]
        exact = [o for o in found if o[1] == path] or found
        return exact[0][3] if exact else None

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def faults(self, schema, value, at=""):
        """Each difference as a sentence."""
        schema = self.resolve(schema)
        out = []
        for keyword, wanted in schema.items():
            if keyword in NOTES:
                continue
            check = getattr(self, "check_" + keyword, None)
            if not check:
                raise AssertionError("the description uses %s, which this reader does not know" % keyword)
            out += check(wanted, value, at, schema) or []
        return out

    def check_type(self, wanted, value, at, _):
        names = wanted if isinstance(wanted, list) else [wanted]
        if not any(is_type(value, n) for n in names):
            return ["%s: %r is no %s" % (at, value, " or ".join(names))]

    def check_enum(self, wanted, value, at, _):
        if not any(type(w) is type(value) and w == value for w in wanted):
            return ["%s: %r is none of %r" % (at, value, wanted)]

    def check_anyOf(self, wanted, value, at, _):
        tried = [self.faults(s, value, at) for s in wanted]
        if all(tried):
            return ["%s: none of the choices fits: %r" % (at, tried)]

    def check_properties(self, wanted, value, at, _):
        if isinstance(value, dict):
            return [f for name, s in wanted.items() if name in value
                    for f in self.faults(s, value[name], "%s/%s" % (at, name))]

    def check_required(self, wanted, value, at, _):
        if isinstance(value, dict):
            return ["%s/%s is missing" % (at, n) for n in wanted if n not in value]

    def check_additionalProperties(self, wanted, value, at, schema):
        if not isinstance(value, dict):
            return None
        rest = {k: v for k, v in value.items() if k not in schema.get("properties", {})}
        if wanted is False:
            return ["%s/%s is not described" % (at, k) for k in rest]
        return [f for k, v in rest.items() for f in self.faults(wanted, v, "%s/%s" % (at, k))]

    def check_items(self, wanted, value, at, _):
        if isinstance(value, list):
            return [f for i, v in enumerate(value) for f in self.faults(wanted, v, "%s/%d" % (at, i))]

    def check_format(self, wanted, value, at, _):
        if not isinstance(value, str):
            return None
        if wanted == "date-time":
            try:
                datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
            except ValueError:
                return ["%s: %r is no time" % (at, value)]
        elif wanted not in ("uri-reference", "binary"):
            raise AssertionError("format " + wanted)

    def check_minimum(self, wanted, value, at, _):
        if is_type(value, "integer") and value < wanted:
            return ["%s: %r is below %r" % (at, value, wanted)]

    def check_maximum(self, wanted, value, at, _):
        if is_type(value, "integer") and value > wanted:
            return ["%s: %r is above %r" % (at, value, wanted)]

    def check_minLength(self, wanted, value, at, _):
        if isinstance(value, str) and len(value) < wanted:
            return ["%s: shorter than %d" % (at, wanted)]

    def check_maxLength(self, wanted, value, at, _):
        if isinstance(value, str) and len(value) > wanted:
            return ["%s: longer than %d" % (at, wanted)]

    def check_minItems(self, wanted, value, at, _):
        if isinstance(value, list) and len(value) < wanted:
            return ["%s: fewer than %d" % (at, wanted)]

    def check_maxItems(self, wanted, value, at, _):
        if isinstance(value, list) and len(value) > wanted:
            return ["%s: more than %d" % (at, wanted)]

    def own_faults(self):
        """What is wrong with the description itself."""
        out = []
        ids = [o[3]["operationId"] for o in self.operations]
        out += ["operationId %s stands twice" % i for i in set(ids) if ids.count(i) > 1]
        for method, path, pattern, operation in self.operations:
            named = set(pattern.groupindex)
            given = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            if named != given:
                out.append("%s %s: parameters %r and %r" % (method, path, named, given))
            names = [(p["in"], p["name"]) for p in operation["parameters"]]
            out += ["%s %s: %r twice" % (method, path, n) for n in set(names) if names.count(n) > 1]
        for ref in re.findall(r'"\$ref": "([^"]*)"', json.dumps(self.document)):
            if not ref.startswith("#/components/schemas/") or ref.rpartition("/")[2] not in self.schemas:
                out.append("%s leads nowhere" % ref)
        return out

    def answer_faults(self, method, path, status, kind, body):
        """What of an answer is not as described. body: bytes."""
        operation = self.find(method, path)
        if not operation:
            return ["%s %s is not described" % (method, path)]
        answers = operation["responses"]
        answer = answers.get(str(status)) or (answers["default"] if status >= 500 or status == 400 else None)
        if not answer:
            return ["status %d is not described" % status]
        content = answer.get("content")
        if not content:
            return ["there is a body"] if body else []
        media = (kind or "").partition(";")[0]
        if media not in content and "application/octet-stream" in content:
            return []
        if media not in content:
            return ["content type %r is not described" % kind]
        if not media.endswith("json"):
            return []
        schema = content[media]["schema"]
        return self.faults(schema, json.loads(body)) if schema != {"type": "string"} else []
