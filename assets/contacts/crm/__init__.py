"""What a CRM's base says, kept as its own objects (`crm_cards`, `crm_interactions`), and what follows from them."""
