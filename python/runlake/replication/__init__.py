"""Replication: sends what a store has to a server, so that logging to a server is logging to a local store.

    catalog.sending  what a server has not acknowledged     wire, peer   the requests
    shipper          one store to one server, once          replicator   again and again, in a thread
    spool            the store that a process logs to when its tracking URI is a server
    drain            waiting at the end of a run            outlook      what is still on its way

A point keeps its identity, (writer, seq), and the server knows up to where it has each writer's points: nothing is
doubled whoever sends what again, and after a crash of either side the server is asked and sending goes on from there.
"""
