"""kill -9 at random moments: what was acknowledged is there, nothing is half there, and each change is recorded once.

IAMD_CRASH_ROUNDS sets the number of rounds and IAMD_CRASH_SEED their moments; a failure prints the seed.
"""

import collections
import os
import random
import threading

import pytest

from clients import Person, client

ROUNDS = int(os.environ.get("IAMD_CRASH_ROUNDS", "8"))
SEED = int(os.environ.get("IAMD_CRASH_SEED", "20260212"))
WRITERS = 4
TAGS = [{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "42"}]


class Writers:
    """Clients that make users until the server is gone."""

    def __init__(self, iamd, number):
        self.iamd, self.number = iamd, number
        self.acknowledged, self.tried = [], []
        self._changed = threading.Condition()
        # Clients are made here: making them is not safe among threads.
        clients = [client("iam", iamd.url, iamd.root) for _ in range(WRITERS)]
        self._threads = [threading.Thread(target=self._write, args=pair) for pair in enumerate(clients)]

    def _write(self, writer, iam):
        for count in range(100_000):
            name = f"r{self.number}-w{writer}-{count}"
            self.tried.append(name)
            try:
                iam.create_user(UserName=name, Tags=TAGS)
                iam.add_user_to_group(GroupName="Dev", UserName=name)
            except Exception:
                # Any failure here is the kill; what it left is looked at after the restart.
                return
            with self._changed:
                self.acknowledged.append(name)
                self._changed.notify()

    def until(self, acknowledged):
        """Lets them write until so many users are acknowledged."""
        for thread in self._threads:
            thread.start()
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= acknowledged, 60)

    def join(self):
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.timeout(300)
def test_kill_at_random_moments(durable):
    print(f"IAMD_CRASH_SEED={SEED}")
    moments = random.Random(SEED)
    Person(durable, durable.root).iam.create_group(GroupName="Dev")
    acknowledged, tried = set(), set()
    for number in range(ROUNDS):
        writers = Writers(durable, number)
        writers.until(moments.randrange(1, 40))
        durable.kill()
        writers.join()
        acknowledged |= set(writers.acknowledged)
        tried |= set(writers.tried)
        durable.start()
        look(durable, acknowledged, tried)
    assert len(acknowledged) >= ROUNDS
    recorded_once(durable, acknowledged)


def look(iamd, acknowledged, tried):
    """That every acknowledged user is there, whole, and nobody whom no one asked for."""
    iam = Person(iamd, iamd.root).iam
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    found = {user["UserName"]: user for page in pages for user in page["UserDetailList"]}
    assert acknowledged <= found.keys() <= tried
    for user in found.values():
        assert sorted(user["Tags"], key=str) == sorted(TAGS, key=str)
        assert user["GroupList"] in ([], ["Dev"])
    assert all(found[name]["GroupList"] == ["Dev"] for name in acknowledged)
    pages = iam.get_paginator("get_group").paginate(GroupName="Dev")
    members = {user["UserName"] for page in pages for user in page["Users"]}
    assert members == {name for name, user in found.items() if user["GroupList"]}
    # A name that is taken stays taken, one that is not can be had.
    some = next(iter(acknowledged))
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=some)


def recorded_once(iamd, acknowledged):
    """That the audit log holds each change exactly once, once the server has ended in good order."""
    iam = Person(iamd, iamd.root).iam
    there = {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}
    iamd.stop()
    records = iamd.records()
    assert len({record["eventID"] for record in records}) == len(records)
    for event in ("CreateUser", "AddUserToGroup"):
        done = [record for record in records if record["eventName"] == event and "errorCode" not in record]
        counts = collections.Counter(record["requestParameters"]["userName"] for record in done)
        assert set(counts.values()) == {1}, event
        if event == "CreateUser":
            assert counts.keys() == there
        assert acknowledged <= counts.keys() <= there


def test_a_kill_right_after_the_first_start(make_server):
    """The key that the first start shows is good even when nothing ever ended well."""
    iamd = make_server()
    root = iamd.root
    iamd.kill()
    iamd.start()
    assert Person(iamd, root).sts.get_caller_identity()["Arn"].endswith(":root")
