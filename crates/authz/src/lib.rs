//! Who is calling, and may they: authentication, gathering of policies, decision
