"""`fallback console`: the same as the commands, in a browser, on loopback, with the engineer's own AWS credentials.

`command.py` has the words, `app.py` the routes, `pages.py` what each page shows, `guard.py` who may ask, `chart.py` the drawing, `audio.py`
how voicemails are heard, `job.py` a hand-back under way. `static/htmx.min.js` is htmx 4.0.1 as published on npm (`htmx.org`), under the
Zero-Clause BSD licence beside it.
"""
