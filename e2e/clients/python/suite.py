"""What the scripts of this folder share: the calls they are given, and how they tell what came of them.

Input by environment: WEIR_URL and WEIR_KEY, the gateway; WEIR_CALLS, a list of {id, client, endpoint, case, model,
requesty}. Output: a line of JSON for each call, with its id and what the client made of the answer. A script makes
all the calls of its family in one process, since importing some of these clients takes seconds.
"""

import json
import os
import sys
import traceback

from pydantic import BaseModel

URL = os.environ["WEIR_URL"]
V1 = URL + "/v1"
KEY = os.environ["WEIR_KEY"]

QUESTION = "What does the river carry?"

# The one tool and the one structure that every client asks for.
LEVEL = {
    "type": "object",
    "properties": {"river": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["river", "days"],
    "additionalProperties": False,
}


class Gauge(BaseModel):
    """What a gauge shows."""

    level: float
    rising: bool


def level(river: str, days: int) -> str:
    """The level of a river over some days."""
    raise AssertionError("a tool is asked for and never run here")


def headers(call):
    """What names the call in the books, for clients that can send a header, which all can."""
    return {"X-Requesty-Call": call["id"]}


def second(call):
    """The call of the second turn, which the books have under its own name."""
    return {**call, "id": call["id"] + "/2"}


def text(answer, pieces=1, input=None, output=None):
    """A text, in how many pieces it came, and the tokens of which the client tells."""
    return {"text": answer, "pieces": pieces, "input_tokens": input, "output_tokens": output}


def tool(name, arguments):
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return {"tool": {"name": name, "arguments": arguments}}


def gauge(value):
    return {"json": value.model_dump() if isinstance(value, BaseModel) else value}


def vectors(list_):
    return {"vectors": [len(v) for v in list_]}


def size(bytes_):
    """A picture or a sound, and how large it is."""
    return {"bytes": len(bytes_)}


def refused(error):
    return {"refusal": error.status_code}


def run(clients):
    """Makes the calls. clients: client -> endpoint -> case -> a function of the call."""
    for call in json.loads(os.environ["WEIR_CALLS"]):
        try:
            result = clients[call["client"]][call["endpoint"]][call["case"]](call)
        except Exception:
            result = {"error": traceback.format_exc()}
        json.dump({"id": call["id"], **result}, sys.stdout)
        print(flush=True)
