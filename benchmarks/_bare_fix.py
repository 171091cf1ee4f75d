"""
Bare QuickFIX in Python: one session that inserts each execution it hears, in batches, and sends an order when the database says so.

``python -m benchmarks._bare_fix PORT FOLDER COMP``, the database by ``DATABASE_URL``. It knows no orders, checks nothing, keeps no
message and no record.
"""

import os
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

import psycopg
import quickfix as fix

TABLES = (
    "CREATE TABLE bare_execution (id bigserial PRIMARY KEY, exec_id text UNIQUE, cl_ord_id text, qty numeric(20, 4),"
    " price numeric(20, 8), cum_qty numeric(20, 4), leaves_qty numeric(20, 4), at timestamptz DEFAULT now())",
    "CREATE TABLE bare_request (id bigserial PRIMARY KEY, cl_ord_id text, text text)",
)
AT_ONCE = 1000
CHANNEL = "bare_request"


class Bare(fix.Application):
    def __init__(self):
        super().__init__()
        self.executions: SimpleQueue = SimpleQueue()
        self.session = None

    def onCreate(self, session):
        pass

    def onLogon(self, session):
        parts = (session.getBeginString(), session.getSenderCompID(), session.getTargetCompID())
        self.session = fix.SessionID(*(part.getValue() for part in parts))
        print("up", flush=True)

    def onLogout(self, session):
        pass

    def toAdmin(self, message, session):
        pass

    def fromAdmin(self, message, session):
        pass

    def toApp(self, message, session):
        pass

    def fromApp(self, message, session):
        if message.getField(150) == "F":
            self.executions.put(tuple(message.getField(tag) for tag in (17, 11, 32, 31, 14, 151)))

    def insert(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as database:
            while True:
                rows = [self.executions.get()]
                try:
                    while len(rows) < AT_ONCE:
                        rows.append(self.executions.get_nowait())
                except Empty:
                    pass
                with database.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO bare_execution (exec_id, cl_ord_id, qty, price, cum_qty, leaves_qty) VALUES (%s, %s, %s, %s, %s, %s)",
                        rows,
                    )
                database.commit()

    def send(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            database.execute(f"LISTEN {CHANNEL}")
            for told in database.notifies():
                message = fix.Message()
                message.getHeader().setField(35, "D")
                for tag, value in ((11, told.payload), (55, "AAPL"), (48, "US0378331005"), (22, "4"), (54, "1"), (38, "100"), (40, "1"),
                                   (15, "USD"), (60, "20260304-15:00:00.000")):  # fmt: skip
                    message.setField(tag, value)
                fix.Session.sendToTarget(message, self.session)


def main() -> None:
    port, folder, comp = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        for table in TABLES:
            database.execute(table)
    config = folder / "bare.cfg"
    config.write_text(
        "[DEFAULT]\nConnectionType=initiator\nReconnectInterval=1\nHeartBtInt=30\nSocketNodelay=Y\nStartTime=00:00:00\nEndTime=00:00:00\n"
        f"StartDay=sunday\nEndDay=sunday\nFileStorePath={folder / 'store'}\nUseDataDictionary=N\nCheckLatency=N\n[SESSION]\n"
        f"BeginString=FIX.4.4\nSenderCompID=BARE\nTargetCompID={comp}\nSocketConnectHost=127.0.0.1\nSocketConnectPort={port}\n"
    )
    settings, application = fix.SessionSettings(str(config)), Bare()
    store = fix.FileStoreFactory(settings)
    connector = fix.SocketInitiator(application, store, settings)
    for work in (application.insert, application.send):
        threading.Thread(target=work, daemon=True).start()
    connector.start()
    sys.stdin.read()  # Until whoever started it ends.
    os._exit(0)


if __name__ == "__main__":
    main()
