"""The answer function: a request of Twilio's in, TwiML out, one journal line. Standard library and Twilio's validator only."""
