"""ministack 1.5.33 with its gaps mended, so that the real templates meet what AWS would do with them.

Each module mends one thing by replacing functions of ministack at start, and says which; production code knows nothing of it.

    gateway         what a REST API answers when its function fails, and the event that the function receives
    access_log      the access log of a stage
    permissions     a service may invoke a function only if the function's own policy allows it; a batch needs no permission of its own
    concurrency     reserved concurrency holds for versions and aliases too
    async_invoke    asynchronous invocation: retries, throttling, maximum age, on-failure destination
    deliveries      log subscriptions: through async_invoke, and twice, late, out of order or lost when a test says so
    filter_pattern  which lines a subscription or a search wants
    expressions     a query over a busy day is answered in a third of the time
    queues          a failed batch of SQS messages comes again within seconds
    outages         a service that answers 503 or hangs, a function that starts anew, when a test says so
    secret_refs     `Ref` of a secret is its ARN
    runtime         functions see the standard library and boto3, as on Lambda, and nothing of this project's environment
    admin           the pages by which tests say so
    process         starts and stops all this

`python -m local.emulator` runs it; `local.cloud.LocalCloud` starts and stops it.
"""
