"""Every kind of thing that has a life: its table of moves, the database table of its rows, and which rows count."""

from apps.algos.states import DRAW_LIFE, SEASON_LIFE, WHEEL_CHANGE_LIFE
from apps.algos.states import LIFE as ALGO
from apps.allocations.states import CHARGE_LIFE, STEP_OUT_LIFE
from apps.allocations.states import LIFE as ALLOCATION
from apps.blocks.states import LIFE as BLOCK
from apps.blocks.states import OPPOSITION_LIFE, ROTATION_LIFE
from apps.certification.states import LIFE as PLAY
from apps.compliance.states import (
    CLAUSE_LIFE,
    CLOSE_OUT_LIFE,
    DRAFT_LIFE,
    ENTRY_LIFE,
    LIMIT_END_LIFE,
    MANDATE_LIFE,
    MAPPING_LIFE,
    MATCH_LIFE,
    OVERRIDE_LIFE,
    POSITION_LIMIT_LIFE,
    QUESTION_LIFE,
    RESERVATION_LIFE,
    RESTRICTION_LIFE,
    REVIEW_LIFE,
    RULE_LIFE,
)
from apps.core.lifecycles import Lifecycle
from apps.crossing.states import LIFE as CROSS
from apps.groups.states import LIFE as LINKED_GROUP
from apps.orders.states import APPROVAL_LIFE, CHAIN_LIFE, DEPUTY_LIFE, GROUP_LIFE, IMPORT_LIFE, PROPOSAL_LIFE
from apps.orders.states import LIFE as ORDER
from apps.routing.states import (
    ALERT_LIFE,
    AXIS_LIFE,
    DIALECT_LIFE,
    EXECUTION_LIFE,
    GRANT_LIFE,
    HALT_LIFE,
    INQUIRY_LIFE,
    MESSAGE_LIFE,
    RATE_CARD_LIFE,
    RECONCILIATION_LIFE,
    RULE_CHANGE_LIFE,
    SEQUENCE_RESET_LIFE,
    SESSION_STOP_LIFE,
    STRATEGY_FILE_LIFE,
)
from apps.routing.states import LIFE as ROUTE
from apps.settlement.states import CONFIRMATION_LIFE, EXCHANGE_LIFE, INSTRUCTION_LIFE
from apps.surveillance.states import DAY_LIFE, FILING_LIFE, INCIDENT_LIFE

LIVES: tuple[tuple[Lifecycle, str, str], ...] = (
    (ORDER, "orders_order", "true"),
    (GROUP_LIFE, "orders_ordergroup", "true"),
    (IMPORT_LIFE, "orders_import", "true"),
    (APPROVAL_LIFE, "orders_approval", "true"),
    (CHAIN_LIFE, "orders_approvalrule", "true"),
    (DEPUTY_LIFE, "orders_deputy", "true"),
    (PROPOSAL_LIFE, "orders_proposal", "true"),
    (REVIEW_LIFE, "compliance_review", "true"),
    (OVERRIDE_LIFE, "compliance_override", "true"),
    (QUESTION_LIFE, "compliance_question", "true"),
    (RESERVATION_LIFE, "compliance_reservation", "true"),
    (RULE_LIFE, "compliance_rule", "true"),
    (DRAFT_LIFE, "compliance_ruledraft", "true"),
    (MANDATE_LIFE, "compliance_mandatedocument", "true"),
    (CLAUSE_LIFE, "compliance_clause", "true"),
    (MAPPING_LIFE, "compliance_clausemapping", "true"),
    (RESTRICTION_LIFE, "compliance_restriction", "t.kind = 'RESTRICTED'"),
    (ENTRY_LIFE, "compliance_restriction", "t.kind <> 'RESTRICTED'"),
    (LIMIT_END_LIFE, "compliance_limitend", "true"),
    (POSITION_LIMIT_LIFE, "compliance_positionlimit", "true"),
    (MATCH_LIFE, "compliance_namematch", "true"),
    (CLOSE_OUT_LIFE, "compliance_closeout", "true"),
    (DAY_LIFE, "surveillance_day", "true"),
    (INCIDENT_LIFE, "surveillance_incident", "true"),
    (FILING_LIFE, "surveillance_filing", "true"),
    (BLOCK, "blocks_block", "true"),
    (OPPOSITION_LIFE, "blocks_opposition", "true"),
    (ROTATION_LIFE, "blocks_rotation", "true"),
    (CROSS, "crossing_cross", "true"),
    (ROUTE, "routing_route", "true"),
    (CHARGE_LIFE, "allocations_charge", "true"),
    (STEP_OUT_LIFE, "allocations_stepout", "true"),
    (EXECUTION_LIFE, "routing_execution", "true"),
    (INQUIRY_LIFE, "routing_inquiry", "true"),
    (AXIS_LIFE, "routing_axis", "true"),
    (MESSAGE_LIFE, "routing_message", "t.version > 0"),
    (HALT_LIFE, "routing_halt", "true"),
    (ALERT_LIFE, "routing_alert", "true"),
    (GRANT_LIFE, "routing_grant", "true"),
    (RECONCILIATION_LIFE, "routing_reconciliation", "true"),
    (SESSION_STOP_LIFE, "routing_sessionstop", "true"),
    (SEQUENCE_RESET_LIFE, "routing_sequencereset", "true"),
    (RULE_CHANGE_LIFE, "routing_rulechange", "true"),
    (STRATEGY_FILE_LIFE, "routing_strategyfile", "true"),
    (PLAY, "certification_play", "true"),
    (ALGO, "algos_algo", "true"),
    (WHEEL_CHANGE_LIFE, "algos_wheelchange", "true"),
    (SEASON_LIFE, "algos_season", "true"),
    (DRAW_LIFE, "algos_draw", "true"),
    (DIALECT_LIFE, "routing_dialect", "true"),
    (RATE_CARD_LIFE, "routing_ratecard", "true"),
    (LINKED_GROUP, "groups_linkedgroup", "true"),
    (ALLOCATION, "allocations_allocation", "true"),
    (CONFIRMATION_LIFE, "settlement_confirmation", "true"),
    (INSTRUCTION_LIFE, "settlement_instruction", "true"),
    (EXCHANGE_LIFE, "settlement_exchange", "true"),
)
