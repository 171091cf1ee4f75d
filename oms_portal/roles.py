"""Role to what it may do. This page is meant to be read by a compliance officer."""

MANAGER = "portfolio manager"
TRADER = "trader"
SUPERVISOR = "trading supervisor"
OFFICER = "compliance officer"
OPERATIONS = "operations"
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"
CONTROL_ROOM = "control room"
AUTOMATED = "automated"  # Workers, gateway, feed: never sign in.

LOOK = {"desk.see", "reference.see", "marketdata.see"}

TRADES = frozenset(
    LOOK
    | {"orders.see", "blocks.see", "blocks.work", "blocks.write_notes", "routing.see", "routing.route", "routing.mend_messages"}
    | {"routing.see_dialects", "routing.see_sessions", "routing.see_cards"}
    | {"routing.see_staging"}  # Of what upstream systems sent, what became an order that they see.
    | {"routing.keep_strategies"}  # Files of brokers' own strategies: one person loads, another approves, operations too.
    | {"routing.halt", "routing.lift_halt"}  # Whoever set a halt never lifts it.
    | {"routing.write_rules"}  # Proposes where blocks go by rule; a supervisor or an officer approves it, never who wrote it.
    | {"orders.attach"}  # Locates and documents, beside orders they see.
    | {"allocations.see", "allocations.step_out", "reporting.see"}
    # Proposes to meet clients with each other and executes what others agreed to; never agrees to an own proposal.
    | {"crossing.see", "crossing.propose", "crossing.execute"}
)

ROLES: dict[str, frozenset[str]] = {
    # Runs money for the portfolios granted to their team, and sees those only.
    MANAGER: frozenset(
        LOOK
        | {"portfolios.see", "orders.see", "orders.create", "orders.submit", "orders.amend", "orders.cancel"}
        | {"orders.attach"}
        | {"orders.see_approvals", "orders.approve"}  # Of colleagues: nobody approves what they entered or amended.
        | {"orders.import", "blocks.see", "blocks.write_notes", "allocations.see", "reporting.see"}
        | {"compliance.see_own", "compliance.answer"}  # What officers ask of orders for the portfolios they run.
        | {"compliance.release_room"}  # Their own; an officer anybody's.
        | {"crossing.see", "crossing.accept", "crossing.decline"}  # For the portfolios they run.
    ),
    # Works the blocks of the desks they sit at, and sees the orders in them. Decides nothing about compliance.
    TRADER: TRADES,
    # The same, and gives or takes any block of their desks, and the queue of who is away; agrees to colleagues' crosses.
    SUPERVISOR: TRADES | {"blocks.supervise", "crossing.accept", "crossing.decline", "routing.approve_rules"},
    # Sees every portfolio; decides on held orders, never on one of their own; enters no orders.
    OFFICER: frozenset(
        LOOK
        | {"portfolios.see", "portfolios.see_all", "orders.see", "compliance.see", "compliance.decide", "compliance.release_room"}
        | {"orders.see_approvals", "orders.approve", "orders.write_approvals", "orders.attach"}
        | {"routing.see_dialects", "routing.see_sessions", "routing.see_cards"}
        | {"routing.see_staging", "routing.grant_staging"}  # One asks that a system speaks for a manager, another confirms.
        | {"surveillance.report", "surveillance.work", "surveillance.sign"}
        | {"compliance.keep_limits", "routing.keep_throttles", "portfolios.keep_terms"}  # Each change with a reason.
        | {"compliance.write_rules", "compliance.approve_rules"}  # Nobody approves a change of a rule that they wrote.
        | {"blocks.see", "blocks.write_notes", "routing.see", "routing.halt", "routing.lift_halt"}
        | {"routing.write_rules", "routing.approve_rules"}  # Nobody approves a routing rule that they wrote.
        | {"allocations.see", "settlement.see"}
        | {"crossing.see", "crossing.approve", "crossing.decline"}  # Of crosses others proposed and accepted.
        | {"reporting.see", "audit.see", "audit.see_parts"}
    ),
    # Held beside the officer's, by the few who keep the watch and grey lists, insider windows and wall crossings, and read
    # who met them. Nobody else learns of them.
    CONTROL_ROOM: frozenset({"compliance.control_room"}),
    # Sees every portfolio; mends what keeps trades from settling.
    OPERATIONS: frozenset(
        LOOK
        | {"portfolios.see", "portfolios.see_all", "orders.see", "blocks.see", "blocks.write_notes", "routing.see"}
        | {"crossing.see", "allocations.see", "settlement.see", "settlement.mend", "reporting.see", "reference.write", "audit.see_parts"}
        | {"audit.mend_promises", "routing.see_staging", "routing.grant_staging", "routing.keep_strategies"}
        | {"marketdata.load_venues"}  # Tells what venues show, from another system.
        | {"routing.see_dialects", "routing.keep_dialects"}  # Nobody approves a dialect that they proposed.
        | {"allocations.keep_csa"}  # Pays research out of what commissions put by.
        | {"routing.see_cards", "routing.keep_cards"}  # What brokers may take: one proposes, another approves.
        | {"routing.see_sessions", "routing.keep_sessions"}  # Nobody approves sequence numbers that they proposed.
    ),
    # Sees everything, changes nothing.
    AUDITOR: frozenset(
        LOOK
        | {"portfolios.see", "portfolios.see_all", "orders.see", "orders.see_approvals", "compliance.see", "blocks.see", "routing.see"}
        | {"routing.see_staging", "routing.see_dialects", "routing.see_sessions", "routing.see_cards"}
        | {"crossing.see", "allocations.see", "settlement.see", "reporting.see", "audit.see", "audit.see_parts", "audit.verify"}
    ),
    # Keeps people and reference data; sees no portfolio and trades nothing.
    ADMINISTRATOR: frozenset(
        LOOK
        | {"reference.write", "blocks.write_rotations", "users.write", "audit.see_parts", "audit.mend_promises"}
        | {"routing.see_dialects", "routing.keep_dialects"}  # As operations: one proposes, another approves.
        | {"routing.see_cards", "routing.keep_cards"}
        | {"routing.see_sessions", "routing.keep_sessions"}
    ),
    # The parts that act by themselves, each under a user of its own.
    AUTOMATED: frozenset(
        LOOK
        | {"portfolios.see", "portfolios.see_all", "orders.see", "orders.create", "orders.submit"}
        | {"compliance.load_sanctions", "compliance.record_fails"}
        | {"marketdata.feed", "surveillance.report", "blocks.see", "blocks.work", "routing.see", "routing.hear", "routing.route"}
        | {"crossing.see", "crossing.expire", "allocations.see", "allocations.book", "settlement.see", "settlement.feed", "reporting.see"}
    ),
}
