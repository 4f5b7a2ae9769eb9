"""What SDKs build on the API: waiters, paginators, races for a name."""

import functools
import threading

import policies
from clients import Person
from server import Credentials


def test_waiters(account):
    """Each waiter of IAM finds what was just made, at once and when it is made while waiting."""
    iam = account.root.iam
    trust = policies.document(policies.trust({"Service": "ec2.amazonaws.com"}))
    cases = {
        "user_exists": (iam.create_user, {"UserName": "it"}, {}),
        "role_exists": (iam.create_role, {"RoleName": "it"}, {"AssumeRolePolicyDocument": trust}),
        "instance_profile_exists": (iam.create_instance_profile, {"InstanceProfileName": "it"}, {}),
    }
    assert sorted([*cases, "policy_exists"]) == sorted(iam.waiter_names)
    for name, (create, key, more) in cases.items():
        create(**key, **more)
        iam.get_waiter(name).wait(**key, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    arn = iam.create_policy(PolicyName="it", PolicyDocument=policies.READS)["Policy"]["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=arn, WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_a_waiter_waits(account):
    iam = account.root.iam
    asked = threading.Event()
    iam.meta.events.register("after-call.iam.GetUser", lambda **_: asked.set())
    patience = {"Delay": 0, "MaxAttempts": 10_000}
    waiting = threading.Thread(
        target=lambda: iam.get_waiter("user_exists").wait(UserName="late", WaiterConfig=patience)
    )
    waiting.start()
    assert asked.wait(30)
    account.root.iam.create_user(UserName="late")
    waiting.join(30)
    assert not waiting.is_alive()


def test_pages_of_250_users(account):
    iam = account.root.iam
    names = [f"user{number:03}" for number in range(250)]
    for name in names:
        iam.create_user(UserName=name, Path="/even/" if int(name[-1]) % 2 == 0 else "/odd/")
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 7}))
    assert [len(page["Users"]) for page in pages] == [7] * 35 + [5]
    assert [page["IsTruncated"] for page in pages] == [True] * 35 + [False]
    assert "Marker" not in pages[-1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    # Without a size, a hundred come; the paginator hides it.
    assert len(iam.list_users()["Users"]) == 100
    even = iam.get_paginator("list_users").paginate(PathPrefix="/even/", PaginationConfig={"PageSize": 7})
    assert [user["UserName"] for page in even for user in page["Users"]] == names[::2]
    # Resumed where another client stopped.
    first = iam.get_paginator("list_users").paginate(PaginationConfig={"MaxItems": 120, "PageSize": 50})
    half = first.build_full_result()
    rest = iam.get_paginator("list_users").paginate(PaginationConfig={"StartingToken": half["NextToken"]})
    assert [user["UserName"] for page in rest for user in page["Users"]] == names[120:]
    # The CLI pages by itself.
    assert len(account.root.aws("iam list-users --page-size 99")["Users"]) == 250


def test_pages_do_not_tear_when_users_come_and_go(account):
    iam = account.root.iam
    for number in range(20):
        iam.create_user(UserName=f"user{number:02}")
    seen = []
    for page in iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 5}):
        seen += [user["UserName"] for user in page["Users"]]
        if seen[-1] == "user09":
            iam.delete_user(UserName="user09")
            iam.create_user(UserName="user00a")
            iam.create_user(UserName="user10a")
    numbered = [f"user{number:02}" for number in range(20)]
    assert seen == numbered[:11] + ["user10a"] + numbered[11:]


def test_other_lists_page_too(account):
    iam = account.root.iam
    for number in range(12):
        iam.create_group(GroupName=f"group{number:02}")
    iam.create_user(UserName="alice")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"group{number:02}", UserName="alice")
        iam.put_user_policy(UserName="alice", PolicyName=f"p{number}", PolicyDocument=policies.READS)
    iam.tag_user(UserName="alice", Tags=[{"Key": f"k{number:02}", "Value": "v"} for number in range(50)])
    for operation, key, count, arguments in [
        ("list_groups", "Groups", 12, {}),
        ("list_groups_for_user", "Groups", 10, {"UserName": "alice"}),
        ("list_user_policies", "PolicyNames", 10, {"UserName": "alice"}),
        ("list_user_tags", "Tags", 50, {"UserName": "alice"}),
    ]:
        pages = list(iam.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 3}))
        found = [str(item) for page in pages for item in page[key]]
        assert len(found) == len(set(found)) == count, operation
        assert len(pages) == -(-count // 3), operation


def at_once(call, clients):
    """What each client's call returns, when all are made at the same time."""
    barrier = threading.Barrier(len(clients))
    outcomes = []

    def run(iam):
        barrier.wait(30)
        outcomes.append(call(iam))

    threads = [threading.Thread(target=run, args=(iam,)) for iam in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == len(clients)
    return [outcome for outcome in outcomes if outcome is not None]


def test_one_of_those_who_make_the_same_user_wins(account):
    """Ten rounds, eight clients: one is told that the user is made, seven that it is there already."""
    clients = [account.root.iam for _ in range(8)]

    def create(iam, number):
        # Names are the same without regard to case.
        name = f"user{number}" if iam is clients[0] else f"USER{number}"
        try:
            return iam.create_user(UserName=name)["User"]["UserName"]
        except iam.exceptions.EntityAlreadyExistsException:
            return None

    for number in range(10):
        [winner] = at_once(functools.partial(create, number=number), clients)
        assert account.root.iam.get_user(UserName=winner)["User"]["UserName"] == winner
    assert len(account.root.iam.list_users()["Users"]) == 10


def test_two_keys_at_most_also_when_many_ask_at_once(account):
    account.root.iam.create_user(UserName="alice")

    def create(iam):
        try:
            return iam.create_access_key(UserName="alice")["AccessKey"]
        except iam.exceptions.LimitExceededException:
            return None

    made = at_once(create, [account.root.iam for _ in range(8)])
    assert len(made) == 2
    for key in made:
        Person(account.iamd, Credentials.of(key)).sts.get_caller_identity()
