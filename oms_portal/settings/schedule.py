"""What is done again and again, whoever is at the desk: the task, how often, and after how long one that waited is left out."""


def every(seconds: float, task: str, expires: int) -> dict:
    return {"task": task, "schedule": seconds, "options": {"expires": expires}}


SCHEDULE = {
    "keep promises whose nudge was lost": every(2.0, "audit.sweep", expires=10),
    "decide inquiries whose time is up": every(1.0, "routing.decide_inquiries", expires=2),
    "do our own steps of races": every(1.0, "certification.advance", expires=2),
    "send what our algorithms have due": every(1.0, "algos.work", expires=2),
    "tell the desk of algorithms that stand still": every(5.0, "algos.raise_alerts", expires=5),
    "tell the seeds of wheels whose season is over": every(600.0, "algos.close_seasons", expires=600),
    "look at the mid after inquiries": every(30.0, "routing.record_drifts", expires=30),
    "find who is on both sides": every(5.0, "blocks.find_oppositions", expires=5),
    "end crosses whose time is up": every(30.0, "crossing.expire_crosses", expires=30),
    "follow the legs of groups that are behind": every(5.0, "groups.follow_behind", expires=5),
    "report the day's compliance": every(600.0, "surveillance.report_day", expires=600),
    "tell the desk what needs it": every(5.0, "routing.raise_alerts", expires=5),
    "write what is ready to the custodians": every(2.0, "settlement.write_instructions", expires=10),
    "read what the custodians answered": every(2.0, "settlement.read_statuses", expires=10),
    "settle currencies whose day has come": every(600.0, "settlement.settle_exchanges", expires=600),
    "close out failing sales whose day has come": every(600.0, "settlement.open_due_close_outs", expires=600),
    "check orders of earlier days anew": every(60.0, "orders.carry_orders", expires=60),
    "escalate approvals that nobody gave in time": every(15.0, "orders.escalate_approvals", expires=15),
    "put a new sanctions list in force": every(3600.0, "compliance.load_sanctions", expires=600),
    "hold new names against the sanctions list": every(10.0, "compliance.screen_names", expires=10),
    "end overrides whose time is over": every(15.0, "compliance.expire_overrides", expires=15),
    "end what is kept for drafts and is over": every(60.0, "compliance.expire_reservations", expires=60),
    "seal the record": every(30.0, "audit.seal", expires=30),
    "keep the closes of venues whose session is over": every(60.0, "marketdata.store_closes", expires=60),
    "restrict short sales of what fell by a tenth": every(15.0, "marketdata.trip_breakers", expires=15),
    "drop bars that no figure needs": every(3600.0, "marketdata.drop_old_bars", expires=600),
}
