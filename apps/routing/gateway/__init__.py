"""
The FIX gateway: one process per firm side that keeps the sessions, keeps what is heard before it counts as received,
books it, and sends what was committed. Killed at any line it loses and doubles nothing:

- heard: the message is committed as a row before QuickFIX counts its sequence number, so a counterparty sends it again
  until it is kept; booking knows a report by its ExecID, however often it is kept;
- sent: the row says SENDING before the message is handed over and SENT after, so what is unsure is sent again, marked
  PossResend, and the counterparty knows it by its reference.
"""
