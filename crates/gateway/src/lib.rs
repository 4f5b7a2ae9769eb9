//! Listeners: HTTP and TLS in front of the request pipeline
