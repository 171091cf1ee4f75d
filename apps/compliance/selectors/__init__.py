"""Every question to compliance; who may see what lives here."""

from .accepted import Standing, overrides_seen_by, standing
from .asked import active_rules
from .asking import questions_seen_by, questions_to_answer
from .close_outs import close_outs_seen_by, get_close_out_seen_by
from .evidence import evidence_of, hash_of
from .history import History, history_of
from .library import library
from .lists import entries_met, entry_names, hits_seen_by, kinds_seen_by, restrictions_seen_by
from .mandates import (
    ClauseLine,
    clauses_cited,
    clauses_of_rules,
    coverage_of,
    coverage_of_all,
    get_clause_seen_by,
    get_edition_seen_by,
    get_mandate_seen_by,
    mandates_seen_by,
    mappings_seen_by,
    reading,
)
from .meaning import Meaning, meaning_of, meaning_of_rule
from .replay import MOST_REPLAYED, replay_day, replay_rules, rules_before_the_desk, runs_on
from .reviews import (
    Counts,
    Detail,
    by_attention,
    checks_of,
    counts,
    get_review_seen_by,
    review_detail,
    reviews_seen_by,
    waiting_reviews,
    with_leading,
)
from .room import drafts_to_reserve, shared_limits
from .rule_files import rules_as_file
from .rulebook import (
    drafts_seen_by,
    get_draft_seen_by,
    measures,
    rules_seen_by,
    version_before,
    versions_of,
)
from .sanctions import get_match_seen_by, matches_seen_by, newest_list, sanctions_lists_seen_by
from .snapshot import snapshot_as_held, snapshot_of

__all__ = [
    "MOST_REPLAYED",
    "ClauseLine",
    "Counts",
    "Detail",
    "Standing",
    "active_rules",
    "by_attention",
    "checks_of",
    "clauses_cited",
    "clauses_of_rules",
    "close_outs_seen_by",
    "counts",
    "coverage_of",
    "coverage_of_all",
    "drafts_seen_by",
    "entries_met",
    "entry_names",
    "drafts_to_reserve",
    "evidence_of",
    "History",
    "get_clause_seen_by",
    "get_close_out_seen_by",
    "get_draft_seen_by",
    "get_edition_seen_by",
    "get_mandate_seen_by",
    "history_of",
    "get_match_seen_by",
    "get_review_seen_by",
    "hash_of",
    "hits_seen_by",
    "kinds_seen_by",
    "library",
    "mandates_seen_by",
    "mappings_seen_by",
    "matches_seen_by",
    "Meaning",
    "meaning_of",
    "meaning_of_rule",
    "measures",
    "newest_list",
    "overrides_seen_by",
    "questions_seen_by",
    "questions_to_answer",
    "reading",
    "replay_day",
    "replay_rules",
    "restrictions_seen_by",
    "review_detail",
    "reviews_seen_by",
    "rules_before_the_desk",
    "rules_as_file",
    "rules_seen_by",
    "runs_on",
    "sanctions_lists_seen_by",
    "snapshot_as_held",
    "shared_limits",
    "snapshot_of",
    "standing",
    "version_before",
    "versions_of",
    "waiting_reviews",
    "with_leading",
]
