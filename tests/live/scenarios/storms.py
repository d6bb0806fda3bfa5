# SPDX-License-Identifier: Apache-2.0
"""Many acts at once: every one is counted."""
from framework.harness import test
from framework.servers import Server
from framework.stage import SERVER_IP, contains

CONNECTS, BARE_CONNECTS, EXECS = 200_000, 20_000, 20_000
MOST_RECORDS = 30  # the first, then one each 10 s, then the last; each for few verdicts


def complete(fact):
    """Everything a process fact must have, that the exec storm can know."""
    return all(fact.get(name) is not None for name in
               ("time", "Image", "CommandLine", "CurrentDirectory", "User", "Uid", "EffectiveUid",
                "Gid", "ProcessId", "ParentImage", "ParentCommandLine", "ParentProcessId",
                "StackExecutable", "AslrDisabled", "SecureExec", "ImageInode", "ImageDevice",
                "PidNamespace", "MountNamespace", "NetNamespace"))


@test("connects")
def connect_storm(stage):
    """200,000 HTTP connects of one program to one endpoint are one finding with the exact count."""
    port = stage.port()
    server_program, client_program = stage.trigger("accept"), stage.trigger("connect_storm")
    with Server([server_program, SERVER_IP, port, "http"], [port], place=stage.server):
        yield
        done = stage.client.run([client_program, SERVER_IP, port, CONNECTS, "http"], seconds=180)
        contains(done.stdout, str(CONNECTS))
        yield
    stage.findings.expect(["insecure-client-general", "insecure-server-protocol"], port=port)
    finding, = stage.findings.of("insecure-client-general", port=port)
    assert finding.subject["Image"] == client_program, finding
    assert finding.count == CONNECTS, f"the finding counts {finding.count}"
    streams = stage.facts.streams(Initiated=True, DestinationPort=port,
                                  ApplicationProtocol="http")
    counts = [(fact["Count"], fact["Attempts"]) for fact in streams]
    assert counts == [(CONNECTS, CONNECTS)], counts
    records = stage.facts.all("network_connection", Initiated=True, DestinationPort=port)
    assert len(records) <= MOST_RECORDS, f"{len(records)} records"
    listener = stage.facts.last("listener", LocalPort=port)
    assert listener["Connections"] == CONNECTS, listener
    assert listener["ConnectionsWithData"] == CONNECTS, listener


@test("connects")
def bare_connect_storm(stage):
    """20,000 connects without a byte are counted exactly, and make their listener probed only."""
    port = stage.port()
    server_program, client_program = stage.trigger("accept"), stage.trigger("connect_storm")
    with Server([server_program, SERVER_IP, port], [port], place=stage.server):
        yield
        done = stage.client.run([client_program, SERVER_IP, port, BARE_CONNECTS], seconds=60)
        contains(done.stdout, str(BARE_CONNECTS))
        yield
    stage.findings.expect(["unused-listening-port"], port=port)
    streams = stage.facts.streams(Initiated=True, DestinationPort=port)
    counts = [(fact["Count"], fact["Attempts"]) for fact in streams]
    assert counts == [(BARE_CONNECTS, BARE_CONNECTS)], counts
    listener = stage.facts.last("listener", LocalPort=port)
    assert (listener["Connections"], listener["ConnectionsWithData"]) == (BARE_CONNECTS, 0), listener


@test("connects")
def nothing_lost(stage):
    """Under the storm of connects nothing is lost, and the verdicts say so."""
    yield
    yield
    assert stage.findings.summary.get("lost", 0) == 0, stage.findings.summary
    lost = [fact for fact in stage.facts.all("coverage") if fact.get("Lost")]
    assert not lost, lost


@test("execs")
def exec_storm(stage):
    """20,000 execs of a static program that exits at once: seen whole, or counted as lost, exactly."""
    program = stage.trigger("exit")
    yield
    done = stage.host.run([stage.trigger("exec_storm"), str(EXECS), program], seconds=120)
    contains(done.stdout, str(EXECS))
    yield
    facts = stage.facts.all("process_creation", Image=program)
    halves = [fact for fact in facts if not complete(fact)]
    assert not halves, f"{len(halves)} facts are not complete, such as {halves[0]}"
    numbers = {int(fact["CommandLine"].rsplit(" ", 1)[1]) for fact in facts}
    assert len(numbers) == len(facts), "an exec was told twice"
    newest = {fact["Hook"]: fact.get("Lost") or 0 for fact in stage.facts.all("coverage")}
    lost = newest.get("exec", 0)
    assert len(facts) + lost == EXECS, f"{EXECS} done, {len(facts)} seen, {lost} lost"


@test("execs")
def only_asked_kinds(stage):
    """assay facts prints the kinds that were asked for, and attaches no hook for others."""
    yield
    yield
    kinds = {fact["kind"] for fact in stage.facts.records}
    assert kinds == {"process_creation", "coverage"}, kinds
    states = {fact["Hook"]: fact["State"] for fact in stage.facts.all("coverage")}
    for hook in ("connect", "send", "bind", "packet", "socket_state", "snapshot_sockets"):
        assert states.get(hook) in ("not-needed", None), f"{hook} is {states[hook]}"
