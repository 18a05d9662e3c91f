"""What the caches hold, over HTTP, and emptying them."""

from omniroute.caching.kept import Kept
from omniroute.caching.tape import Tape
from omniroute.ir.parts import Text
from omniroute.ir.result import Finish, GenerateResponse
from tests.unit.management.house import House


def filled(house: House) -> House:
    response = GenerateResponse(id="1", model="m", parts=(Text(text="hello"),), finish=Finish(reason="stop"))
    kept = Kept(response=response, provider="p", model="m", dialect="openai_chat", at=1.0)
    for key in (b"one", b"two"):
        house.cache.keep(key, kept, "p/m", shelved=key == b"one")
    house.writer.write_quietly(lambda connection: None)  # the shelf is written by now
    house.cache.counted.hits, house.cache.counted.misses = 13, 7
    house.window.keep(b"name", Tape())
    return house


def test_the_caches_say_what_they_hold(house: House) -> None:
    said = filled(house).admin().get("/api/cache/stats")
    assert said.status_code == 200, said.text
    assert house.cache.memory.size > 0
    assert said.json() == {
        "semanticCache": {
            "memorySize": 2,
            "memoryMaxSize": 500,
            "dbSize": 1,
            "hitRate": 0.65,
            "hits": 13,
            "misses": 7,
            "coalesced": 0,
            "tokensSaved": 0,
            "memoryBytes": house.cache.memory.size,
            "memoryMaxBytes": 100_000,
            "questions": 0,
            "similarHits": 0,
            "shadowHits": 0,
            "problem": None,
        },
        "idempotency": {"activeKeys": 1, "windowMs": 5000, "replayed": 0},
    }


def test_clearing_empties_both_tiers_and_the_window(house: House) -> None:
    admin = filled(house).admin()
    assert admin.delete("/api/cache/stats").json() == {"success": True, "message": "Cache cleared"}
    said = admin.get("/api/cache/stats").json()
    assert [said["semanticCache"][name] for name in ("memorySize", "dbSize", "hits", "hitRate")] == [0, 0, 0, 0.0]
    assert said["idempotency"]["activeKeys"] == 0


def test_a_key_says_what_of_its_answers_is_kept(house: House) -> None:
    admin = house.admin()
    made = admin.post("/api/keys", json={"name": "k", "cache": "all"})
    assert (made.status_code, made.json()["cache"]) == (201, "all")
    place = f"/api/keys/{made.json()['id']}"
    assert admin.patch(place, json={"cache": "none"}).json()["cache"] == "none"
    assert admin.get(place).json()["cache"] == "none"
    assert next(iter(house.live.current.grants.values())).cache == "none"
    assert admin.patch(place, json={"cache": "some"}).status_code == 400
