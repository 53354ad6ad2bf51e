# Ends itself by the signal that it is given, such as TERM. (A shell, since Node ignores some signals.)
kill -s "$1" $$
