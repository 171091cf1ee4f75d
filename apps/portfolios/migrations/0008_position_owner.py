from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portfolios', '0007_plans'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalportfolio',
            name='position_owner',
            field=models.CharField(blank=True, default='', help_text='portfolios that name the same owner are counted together under position limits (17 CFR 150.4). Empty: with all others of the firm that name none', max_length=40),
        ),
        migrations.AddField(
            model_name='portfolio',
            name='position_owner',
            field=models.CharField(blank=True, default='', help_text='portfolios that name the same owner are counted together under position limits (17 CFR 150.4). Empty: with all others of the firm that name none', max_length=40),
        ),
    ]
