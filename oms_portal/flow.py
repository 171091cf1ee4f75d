"""
Fact to what follows: the whole desk on one page.

``now`` runs in the transaction of the fact, ``later`` by a worker after commit (see apps/audit). Apps call down and
tell up; who listens is said here and nowhere else.
"""

from apps.allocations import events as allocation
from apps.allocations import services as allocations
from apps.blocks import events as block
from apps.blocks import services as blocks
from apps.compliance import events as check
from apps.compliance import services as compliance
from apps.core.events import Flow, Then
from apps.groups import services as groups
from apps.orders import events as order
from apps.orders import services as orders
from apps.routing import events as execution
from apps.routing import hand_events as by_hand
from apps.routing import list_events as list_event
from apps.routing import services as routing
from apps.routing.states import BY_ORD_STATUS
from apps.settlement import events as instruction
from apps.settlement import services as settlement

FLOW: Flow = {
    order.ImportUploaded: Then(later=[orders.stage_imports]),
    order.ImportAdvanced: Then(later=[orders.stage_imports]),
    order.ImportMapped: Then(later=[orders.stage_imports]),
    order.ImportConfirmed: Then(later=[orders.enter_imports]),
    order.OrderSubmitted: Then(now=[compliance.review_orders, compliance.record_hits, compliance.end_reservations]),
    order.OrderCarried: Then(now=[blocks.drop_orders, compliance.review_orders, compliance.record_hits]),
    order.OrderRecalled: Then(now=[blocks.drop_orders, orders.withdraw_approvals, compliance.review_orders, compliance.record_hits]),
    order.OrderRechecked: Then(now=[compliance.recheck_orders, compliance.record_hits]),
    order.OrderTriggered: Then(now=[compliance.review_orders, compliance.record_hits]),
    order.OrderHeld: Then(later=[routing.report_staged_orders]),
    order.OrderStopped: Then(now=[blocks.drop_orders, compliance.record_hits], later=[routing.report_staged_orders]),
    order.OrderSentBack: Then(later=[routing.report_staged_orders]),
    order.OrderReopened: Then(later=[routing.report_staged_orders]),
    order.OrderCrossed: Then(later=[routing.report_staged_orders]),
    order.OrderDone: Then(
        now=[compliance.withdraw_reviews], later=[routing.report_staged_orders, orders.follow_groups]
    ),
    order.OrderRejected: Then(later=[routing.report_staged_orders, orders.follow_groups]),
    order.OrderCleared: Then(later=[blocks.gather_orders, routing.report_staged_orders]),
    order.OrderAmended: Then(
        now=[
            compliance.withdraw_reviews, compliance.end_reservations, orders.withdraw_approvals, blocks.drop_orders,
        ],
        later=[routing.report_staged_orders],
    ),
    order.OrderCancelled: Then(
        now=[
            compliance.withdraw_reviews, compliance.end_reservations, orders.withdraw_approvals, blocks.drop_orders,
        ],
        later=[routing.report_staged_orders, orders.follow_groups],
    ),
    check.RuleActivated: Then(now=[compliance.outdate_mappings]),
    check.RuleRetired: Then(now=[compliance.outdate_mappings]),
    **dict.fromkeys(
        (block.BlockOpened, block.BlockGrew, block.BlockShrank, block.BlockSplit),
        Then(later=[routing.estimate_blocks, routing.route_by_rules]),
    ),
    block.BlockUnblocked: Then(later=[blocks.regather_orders]),
    block.BlockDone: Then(later=[allocations.allocate_blocks]),
    block.BlockReopened: Then(now=[allocations.reverse_allocations]),
    allocation.AllocationBooked: Then(
        later=[settlement.confirm_allocations, settlement.instruct_allocations, allocations.ask_after_fills]
    ),
    allocation.AllocationReversed: Then(later=[settlement.cancel_settlement]),
    instruction.InstructionFailing: Then(later=[settlement.open_close_outs]),
    instruction.InstructionSettled: Then(later=[settlement.close_close_outs]),
    instruction.InstructionCancelled: Then(later=[settlement.close_close_outs]),
    execution.RouteRequested: Then(now=[groups.keep_to_groups, allocations.keep_step_ins]),
    execution.RouteReplaceRequested: Then(now=[groups.keep_to_groups]),
    execution.InquirySent: Then(now=[groups.keep_to_groups, allocations.keep_step_ins]),
    **dict.fromkeys(
        (
            *(reported for _, reported in BY_ORD_STATUS.values()),
            execution.RouteRequestRefused, execution.RouteWithdrawn, by_hand.RouteTakenBack,
        ),
        Then(later=[groups.follow_routes]),
    ),
    by_hand.RouteByHand: Then(now=[allocations.keep_step_ins], later=[groups.follow_routes]),
    execution.InquiryQuoted: Then(later=[routing.decide_inquiries]),
    list_event.ListHeard: Then(later=[groups.hear_lists]),
    execution.PostTradeHeard: Then(later=[settlement.hear_confirmations]),
}
