"""
Owns   quotes, closes, bars, average volumes and exchange rates, interest of currencies, each with its time.
Calls  reference; audit for hints to open pages.
Tells  nothing: prices are no facts of the record; those that decide something are copied to where they did.
Never  decides what a stale price means: the asker does.
"""
