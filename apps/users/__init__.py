"""
Owns   people, desks, what a role may do, who may see which object (django-guardian).
Calls  core, audit.
Tells  nothing.
Never  knows a domain word.
"""
